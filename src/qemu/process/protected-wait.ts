import { readFileSync } from 'node:fs'

/** Where a thread waits that has written to protected memory (Linux fs/userfaultfd.c). */
const PLACE = 'handle_userfault'

/** What proc_pid_wchan(5) shows of a thread that waits for nothing, and of every thread to a user that may not see it. */
const NOWHERE = '0'

/**
 * Whether a thread waits now because it has written to memory that is protected by userfaultfd; `undefined` if it waits for nothing, or if we may not see it,
 * which takes root or the right to trace the process.
 */
export function waitsForProtected(pid: number, thread: number): boolean | undefined {
  let place: string
  try {
    place = readFileSync(`/proc/${pid}/task/${thread}/wchan`, 'latin1')
  } catch {
    return undefined
  }
  return place === NOWHERE ? undefined : place === PLACE
}
