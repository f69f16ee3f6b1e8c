import type { Run } from '../rounds/measurement.ts'
import type { BenchTable } from './bench-record.ts'

/** Of one processor. Above it, figures depend on what else the machine does. */
const OTHERS_BOUND = 0.15
const STOLEN_BOUND = 0.1

/** How many runs of a table happened while the machine did other work, of how many. */
export function busyRuns({ results }: BenchTable): {
  readonly busy: number
  readonly runs: number
} {
  const runs = results.flatMap((result) => result.runs)
  return { busy: runs.filter(isBusy).length, runs: runs.length }
}

/** Whether other processes or the hypervisor used much of a processor during a run. */
function isBusy({ elapsedSeconds, othersSeconds, stolenSeconds }: Run): boolean {
  return (
    othersSeconds > elapsedSeconds * OTHERS_BOUND || stolenSeconds > elapsedSeconds * STOLEN_BOUND
  )
}
