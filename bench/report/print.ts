import type { BenchRecord, BenchTable } from './bench-record.ts'
import { busyText } from './busy.ts'
import { measureTarget } from './measure-target.ts'
import { rowsOf } from './table-rows.ts'
import { TARGETS } from './targets.ts'

/** Prints the results of a suite. */
export function printTable(table: BenchTable): void {
  const { suite, ramBytes, content, rounds, freeHugeBytes } = table
  const guest = ramBytes === undefined ? '' : `, guest of ${ramBytes / 2 ** 30} GiB`
  const free = `${Math.round(freeHugeBytes / 2 ** 20)} MiB free in huge pages`
  const busy = busyText(table)
  console.log(`${suite}${guest}, content ${content}, ${rounds} rounds, ${free}`)
  if (busy !== undefined) console.log(busy)
  console.table(rowsOf(table))
}

/** Prints the targets that these records measure. */
export function printTargets(records: readonly BenchRecord[]): void {
  for (const target of TARGETS) {
    const { value, met } = measureTarget(target, records)
    if (Number.isNaN(value)) continue
    console.log(
      `${met ? 'met   ' : 'MISSED'} ${target.figure}: ${value.toFixed(2)} (target <= ${target.most} of ${target.against})`,
    )
  }
}
