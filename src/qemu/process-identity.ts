import { readFile } from 'node:fs/promises'

/** Identifies a process: another process may have reused the pid alone. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to the start of the process (field 22, `starttime`, of proc_pid_stat(5)). */
  readonly startTime: number
  /** The boot of the host (`/proc/sys/kernel/random/boot_id`). */
  readonly bootId: string
}

/** The identity of a running process; `undefined` when no process has that pid, or it is dead. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  if (stat === undefined) return undefined
  // The second field, the name in parentheses, may contain anything, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  if (state === 'Z' || state === 'X') return undefined
  return { pid, startTime: Number(fields[19]), bootId: await readBootId() }
}

/** Whether that very process still runs; a zombie does not. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid)
  return now?.startTime === identity.startTime && now.bootId === identity.bootId
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

async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim()
}
