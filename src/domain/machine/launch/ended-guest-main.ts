import { setTimeout as delay } from 'node:timers/promises'
import { mayBeAlive } from '../../../qemu/process/process-identity.ts'
import type { Directories } from '../../store/directories.ts'
import { runtimePaths } from '../../store/runtime-paths.ts'
import { readRecord } from '../../store/runtime-record.ts'
import { onceFree } from '../../catalogue/once-free.ts'

/** A domain whose QEMU has ended. */
export interface EndedGuest {
  readonly name: string
  readonly directories: Directories
}

const LOOK_MS = 100

/** QEMU's descriptors are closed a little before it is dead. */
const DEATH_MS = 5000

/** The program that runs when the QEMU of a domain has ended. Its one argument is an `EndedGuest` in JSON. Users do not call it. */
void main()

async function main(): Promise<void> {
  const { name, directories } = JSON.parse(process.argv[2] ?? '{}') as EndedGuest
  const record = await readRecord(runtimePaths(directories, name)).catch(() => undefined)
  // A command has ended it.
  if (record === undefined) return
  const deadline = performance.now() + DEATH_MS
  while ((await mayBeAlive(record)) && performance.now() < deadline) await delay(LOOK_MS)
  // Reconciling the domain runs the hooks.
  await onceFree(name, 'end', directories)
}
