import { type ScenarioResult, median } from './rounds.ts'

/** Prints a table of medians with their spread. */
export function printTable(results: readonly ScenarioResult[]): void {
  const rows = results.map(({ name, runs }) => {
    const seconds = runs.map((run) => run.seconds)
    const peaks = runs.flatMap((run) => (run.peakBytes === undefined ? [] : [run.peakBytes]))
    return {
      scenario: name,
      'median s': round(median(seconds)),
      'min s': round(Math.min(...seconds)),
      'max s': round(Math.max(...seconds)),
      'file MiB': Math.round(median(runs.map((run) => run.fileBytes)) / 2 ** 20),
      'our CPU s': round(median(runs.map((run) => run.processorSeconds))),
      'QEMU CPU s': round(median(runs.map((run) => run.qemuProcessorSeconds))),
      'peak MiB': peaks.length === 0 ? '' : Math.round(Math.max(...peaks) / 2 ** 20),
    }
  })
  console.table(rows)
}

/** Prints a measured value beside its target; prints nothing if it was not measured. */
export function printTarget(what: string, value: number, target: number): void {
  if (Number.isNaN(value)) return
  console.log(
    `${value <= target ? 'met   ' : 'MISSED'} ${what}: ${value.toFixed(2)} (target <= ${target})`,
  )
}

/** Empty for what was not measured. */
function round(value: number): number | string {
  return Number.isNaN(value) ? '' : Math.round(value * 100) / 100
}
