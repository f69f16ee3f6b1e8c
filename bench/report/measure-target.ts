import type { ScenarioResult } from '../rounds/measurement.ts'
import { type Figure, ratio, valuesOf } from '../rounds/statistics.ts'
import type { BenchRecord } from './bench-record.ts'
import { suiteTables, tablesOf } from './tables-of.ts'

/** What we want to reach. */
export interface Target {
  readonly figure: string
  readonly against: string
  readonly most: number
  /** Arguments that measure it. */
  readonly command: string
  /** What would reach it; shown while it is missed. */
  readonly reach: string
  readonly measure: (find: FindResults) => number
}

/** The results of a suite with a guest of some GiB; empty if it was not measured. */
export type FindResults = (suite: string, ramGib?: number) => readonly ScenarioResult[]

/** The value of a target in the last record that measured it, NaN if none did, and whether that is good enough. */
export function measureTarget(
  target: Target,
  records: readonly BenchRecord[],
): { readonly value: number; readonly met: boolean } {
  const tables = tablesOf(records)
  const find: FindResults = (suite, ramGib) =>
    suiteTables(tables, suite).find(
      ({ ramBytes }) => ramGib === undefined || ramBytes === ramGib * 2 ** 30,
    )?.results ?? []
  const value = target.measure(find)
  return { value, met: value <= target.most }
}

/** Measures the ratio of two scenarios of a suite. */
export function ratioOf(
  of: string,
  to: string,
  where: { readonly suite: string; readonly ramGib?: number; readonly figure?: Figure },
): Target['measure'] {
  return (find) => ratio(find(where.suite, where.ramGib), of, to, where.figure)
}

/** The largest value of a figure in the results of some scenarios; NaN if one of them has none. */
export function largest(
  results: readonly ScenarioResult[],
  names: readonly string[],
  figure: Figure,
): number {
  const values = names.map((name) => {
    const found = results.filter((one) => one.name === name)
    return Math.max(...found.flatMap((one) => valuesOf(one, figure)))
  })
  return values.includes(-Infinity) ? Number.NaN : Math.max(...values)
}
