import { readFile } from 'node:fs/promises'

/** Processor time that a process has used so far, in milliseconds (proc_pid_stat(5)); `undefined` when it is gone. */
export async function processorTimeMs(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  if (stat === undefined) return undefined
  // The second field, the name in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Linux counts these in units of 1/100 s on every architecture that we run on (USER_HZ).
  return (Number(fields[11]) + Number(fields[12])) * 10
}
