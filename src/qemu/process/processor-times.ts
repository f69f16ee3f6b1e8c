import { readFile } from 'node:fs/promises'

/** Linux counts in units of 1/100 s on every architecture that we run on (USER_HZ). */
const TICK_NS = 10_000_000

/** Processor time that a process or a thread has used so far, in nanoseconds. */
export interface ProcessorTimes {
  readonly userNs: number
  readonly systemNs: number
  /** Both together, by the scheduler, which counts finer than in units of 1/100 s; `undefined` if the kernel does not count this. */
  readonly ranNs: number | undefined
  /** How long it was ready to run and had no processor; `undefined` if the kernel does not count this. */
  readonly delayNs: number | undefined
  /** The processor of the host that it ran on last. */
  readonly processor: number
}

/** Those of a process, or of one of its threads (proc_pid_stat(5), proc_pid_schedstat(5)); `undefined` when it is gone. */
export async function processorTimes(
  pid: number,
  thread?: number,
): Promise<ProcessorTimes | undefined> {
  const directory = thread === undefined ? `/proc/${pid}` : `/proc/${pid}/task/${thread}`
  const stat = await readFile(`${directory}/stat`, 'latin1').catch(() => undefined)
  if (stat === undefined) return undefined
  // The second field, the name in parentheses, may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const scheduled = await readFile(`${directory}/schedstat`, 'latin1').catch(() => '')
  const [ran, delay] = scheduled.split(' ')
  return {
    userNs: Number(fields[11]) * TICK_NS,
    systemNs: Number(fields[12]) * TICK_NS,
    ranNs: ran === undefined || delay === undefined ? undefined : Number(ran),
    delayNs: delay === undefined ? undefined : Number(delay),
    processor: Number(fields[36]),
  }
}

/** The processors of the host that a process or thread may run on (proc_pid_status(5)); empty when unknown. */
export async function allowedProcessors(pid: number, thread: number): Promise<readonly number[]> {
  const status = await readFile(`/proc/${pid}/task/${thread}/status`, 'latin1').catch(() => '')
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? ''
  return list.split(',').flatMap((range) => {
    const [first = '', last = first] = range.split('-')
    if (first === '') return []
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, at) => Number(first) + at)
  })
}
