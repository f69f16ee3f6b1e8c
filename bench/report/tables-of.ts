import type { ScenarioResult } from '../rounds/measurement.ts'
import { type Figure, median, valuesOf } from '../rounds/statistics.ts'
import type { BenchRecord, BenchTable } from './bench-record.ts'

/** All tables of some records. What was measured again replaces what was measured before. */
export function tablesOf(records: readonly BenchRecord[]): readonly BenchTable[] {
  const last = new Map<string, BenchTable>()
  for (const table of records.flatMap(({ tables }) => tables))
    last.set(`${table.suite} ${table.content} ${table.ramBytes}`, table)
  return [...last.values()]
}

/** The tables of a suite with the usual content, the smallest guest first. */
export function suiteTables(tables: readonly BenchTable[], suite: string): readonly BenchTable[] {
  return tables
    .filter((table) => table.suite === suite && table.content === 'mixed')
    .toSorted((a, b) => (a.ramBytes ?? 0) - (b.ramBytes ?? 0))
}

/** The median of a figure of a scenario; NaN if it was not measured. */
export function medianOf(
  results: readonly ScenarioResult[],
  name: string,
  figure: Figure = 'seconds',
): number {
  return median(results.filter((one) => one.name === name).flatMap((one) => valuesOf(one, figure)))
}
