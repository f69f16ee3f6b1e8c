import type { Measurement, ScenarioResult } from './measurement.ts'

/** The middle of some numbers; NaN if there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** The least of some numbers that is not less than a part of them, such as 0.99; NaN if there are none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN
}

/** A number that runs have. */
export type Figure = Exclude<keyof Measurement, 'stages'>

/** The values of a figure in all runs that have it. */
export function valuesOf({ runs }: ScenarioResult, figure: Figure): readonly number[] {
  return runs.flatMap((run) => run[figure] ?? [])
}

/** The median of the ratios of two scenarios, round by round; NaN if one was not measured. */
export function ratio(
  results: readonly ScenarioResult[],
  of: string,
  to: string,
  figure: Figure = 'seconds',
): number {
  const runsOf = (wanted: string) => results.find(({ name }) => name === wanted)?.runs ?? []
  const other = runsOf(to)
  const ratios = runsOf(of).map(
    (run, index) => (run[figure] ?? Number.NaN) / (other[index]?.[figure] ?? Number.NaN),
  )
  return median(ratios.filter((one) => !Number.isNaN(one)))
}
