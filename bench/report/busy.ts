import type { Run } from '../rounds/measurement.ts'
import type { BenchTable } from './bench-record.ts'

/** Of one processor. Above it, figures depend on what else the machine does. */
const OTHERS_BOUND = 0.15
const STOLEN_BOUND = 0.1
/** The kernel counts in ticks of 10 ms, and short runs have few of them. */
const UNCERTAIN_SECONDS = 0.03

/** A few runs do not move a median. */
const RUNS_BOUND = 0.1

/** Why the figures of a table are not to be quoted; `undefined` if they may be. */
export function busyText({ results }: BenchTable): string | undefined {
  const runs = results.flatMap((result) => result.runs)
  const busy = runs.filter(isBusy).length
  if (busy <= runs.length * RUNS_BOUND) return undefined
  return `Busy: the machine did other work in ${busy} of ${runs.length} runs. These figures are not to be quoted`
}

/** Whether other processes or the hypervisor used much of a processor during a run. */
function isBusy({ elapsedSeconds, othersSeconds, stolenSeconds }: Run): boolean {
  return (
    othersSeconds > elapsedSeconds * OTHERS_BOUND + UNCERTAIN_SECONDS ||
    stolenSeconds > elapsedSeconds * STOLEN_BOUND + UNCERTAIN_SECONDS
  )
}
