import { setPriority } from 'node:os'
import { inspect } from 'node:util'
import { logAct } from '../../store/host/act-log.ts'
import { openDirectories } from '../../store/directories.ts'
import { flattenCheckpoint } from './flatten-checkpoint.ts'
import type { FlattenCall } from './flatten-call.ts'

/** The program that flattens a checkpoint in the background. Its one argument is a `FlattenCall` in JSON. Users do not call it. */
void main()

async function main(): Promise<void> {
  const { domain, name, ...directories } = JSON.parse(process.argv[2] ?? '{}') as FlattenCall
  // Guests come first. At 19 it would never end on a busy host.
  setPriority(10)
  try {
    await flattenCheckpoint(domain, name, directories)
  } catch (error) {
    const text = `checkpoint '${name}' was not flattened: ${inspect(error)}`
    await logAct(await openDirectories(directories), domain, text)
    process.exitCode = 1
  }
}
