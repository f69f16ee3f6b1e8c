import { readFile } from 'node:fs/promises'

/** Which process it is: a pid alone may be somebody else's by now. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to the start of the process (`starttime` of proc_pid_stat(5)). */
  readonly startTime: number
  /** Which boot of the host (`/proc/sys/kernel/random/boot_id`). */
  readonly bootId: string
}

/** The identity of a process that runs now; `undefined` when there is none of that pid, or it is dead already. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  if (stat === undefined) return undefined
  // The second field, the name in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  if (state === 'Z' || state === 'X') return undefined
  return { pid, startTime: Number(fields[19]), bootId: await readBootId() }
}

/** Whether that very process still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid)
  return now?.startTime === identity.startTime && now.bootId === identity.bootId
}

/** Processor time that a process has used, in milliseconds; `undefined` when it is gone. */
export async function processorTimeMs(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  if (stat === undefined) return undefined
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Linux counts these in units of 1/100 s on every architecture that we run on (USER_HZ).
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim()
}
