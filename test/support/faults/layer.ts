/**
 * The fault layer: one place in front of everything that Stasis asks of the operating system. A program that runs with `--require` of this file (see
 * `fault-environment.ts`) meets it in all its processes and threads; the product has no trace of it. `STASIS_FAULT` plans a fault, `STASIS_FAULT_RECORD` names a file
 * that gets every place where one could be, and `STASIS_JOURNAL` one that gets every change of files, for power cuts.
 */
import { syncBuiltinESMExports } from 'node:module'
import { replaceFileCalls } from './file-calls.ts'
import { replaceNativeCalls } from './native-calls.ts'
import { replaceProcessCalls } from './process-calls.ts'
import { replaceSocketCalls } from './socket-calls.ts'

replaceFileCalls()
replaceNativeCalls()
replaceProcessCalls()
replaceSocketCalls()
syncBuiltinESMExports()
