// A thread that never runs its program: it opens a pipe that nobody writes to, as a thread could wait in the kernel for something else.
import { openSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { ThreadInput } from '../../src/transfer/thread-port.ts'

const { pipe } = (workerData as ThreadInput<{ readonly pipe: string }>).data
openSync(pipe, 'r')
