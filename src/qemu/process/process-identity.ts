import { readFile, readdir } from 'node:fs/promises'
import { StorageError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { fieldsOf } from '../../io/records/record-file.ts'
import { readProcessFile } from './process-file.ts'

/** Identifies a process: another process may have reused the pid alone. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to the start of the process (field 22, `starttime`, of proc_pid_stat(5)). */
  readonly startTime: number
  /** The boot of the host (`/proc/sys/kernel/random/boot_id`). */
  readonly bootId: string
}

/** Whether a value that a file contains identifies a process. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  const { pid, startTime, bootId } = fieldsOf(value) ?? {}
  return (
    Number.isSafeInteger(pid) &&
    Number(pid) > 0 &&
    Number.isSafeInteger(startTime) &&
    typeof bootId === 'string'
  )
}

/** The identity of a running process; `undefined` when no process has that pid, or it is dead. @throws StorageError when this is unknown */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readProcessFile(pid, 'stat')
  if (stat === undefined) return undefined
  // The second field, the name in parentheses, may contain anything, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  if (state === 'Z' || state === 'X') return undefined
  const startTime = Number(fields[19])
  if (!Number.isSafeInteger(startTime))
    throw new StorageError('IO_ERROR', `/proc/${pid}/stat has an unknown format`)
  return { pid, startTime, bootId: await readBootId() }
}

/** Whether that very process still runs; a zombie does not. @throws StorageError when this is unknown */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid)
  return now?.startTime === identity.startTime && now.bootId === identity.bootId
}

/** `isAlive` for a wait for its end: a process whose state is unknown counts as running. */
export async function mayBeAlive(identity: ProcessIdentity): Promise<boolean> {
  return isAlive(identity).catch(() => true)
}

/**
 * Whether that very process may still hold files and locks: it runs, or it was killed and some of its threads are still ending.
 * @throws StorageError when this is unknown
 */
export async function mayHoldFiles({ pid, startTime }: ProcessIdentity): Promise<boolean> {
  const stat = await readProcessFile(pid, 'stat')
  if (stat === undefined) return false
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (Number(fields[18]) !== startTime) return false
  if (state !== 'Z' && state !== 'X') return true
  // The kernel closes the files with the last thread.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  return threads.some((thread) => thread !== String(pid))
}

/** Signals that very process; `false` when it is gone, so that no other process with its pid receives the signal. */
export async function signalProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
): Promise<boolean> {
  if (!(await isAlive(identity))) return false
  try {
    return process.kill(identity.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

const BOOT_ID = '/proc/sys/kernel/random/boot_id'

/** The boot of this host. @throws StorageError */
export async function readBootId(): Promise<string> {
  try {
    return (await readFile(BOOT_ID, 'latin1')).trim()
  } catch (error) {
    throw storageError('read the boot id of the host', BOOT_ID, error)
  }
}
