import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BenchRecord, BenchTable } from '../../bench/report/bench-record.ts'
import { reportText } from '../../bench/report/markdown.ts'
import { picturesOf } from '../../bench/report/pictures.ts'
import { rowsOf } from '../../bench/report/table-rows.ts'
import type { Run, ScenarioResult } from '../../bench/rounds/measurement.ts'
import { median, quantile, ratio } from '../../bench/rounds/statistics.ts'

const OURS = 'stasis save, uncompressed'
const QEMU = 'qemu save, mapped-ram + multifd + direct-io'

test('median() is the middle, or the mean of the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 2, 3]), 2.5)
})

test('ratio() compares round by round', () => {
  const results = [result('a', [2, 20]), result('b', [1, 5])]
  assert.equal(ratio(results, 'a', 'b'), 3)
  assert.ok(Number.isNaN(ratio(results, 'a', 'c')))
})

test('quantile() is the value that so many do not exceed', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index)
  assert.equal(quantile(values, 0.99), 198)
  assert.equal(quantile([7], 0.99), 7)
})

test('rowsOf() has medians, spread and the ratio to the fastest other program', () => {
  const [row] = rowsOf(record().tables[0] ?? assert.fail())
  assert.equal(row?.['s'], '3.00')
  assert.equal(row?.['least to most'], '2.00 to 4.00')
  assert.equal(row?.['÷ peer'], '1.50')
})

test('the report has targets, pictures and how to repeat it', () => {
  const pictures = picturesOf(record().tables, record().limits)
  const text = reportText([record()], pictures, 'pictures')
  assert.ok(
    text.includes(
      '| save uncompressed | QEMU mapped-ram + multifd + direct-io | ≤ 1 | 1.50 | **missed** |',
    ),
  )
  assert.ok(text.includes('not measured'))
  assert.ok(text.includes('(pictures/overview.svg)'))
  assert.ok(text.includes('npm run bench -- save'))
  assert.ok(!text.includes('Busy'))
})

test('the report gives a reason once for all targets that it keeps from being met', () => {
  const loads = ['zstd adaptive', 'zstd 1'].map((codec) => result(`stasis load, ${codec}`, [9]))
  const peers = ['plain stream through a pipe', 'plain stream to a file'].map((stream) =>
    result(`qemu load, ${stream}`, [1]),
  )
  const text = reportText([record(0, { suite: 'restore', results: [...loads, ...peers] })], [], '')
  const reasons = text.split('\n').filter((line) => line.startsWith('- '))
  assert.equal(reasons.length, 1)
  assert.match(
    reasons[0] ?? '',
    /^- full load zstd adaptive, cold, and full load zstd 1, cold \(against QEMU plain stream through a pipe, QEMU plain stream to a file\): a faster disk/,
  )
})

test('the report shows the library beside whole commands, with the same peer', () => {
  const results = [OURS, 'stasis library save, uncompressed', QEMU].map((name, index) =>
    result(name, [[6], [5], [4]][index] ?? []),
  )
  const text = reportText([record(0, { suite: 'save', results })], [], '')
  assert.ok(text.includes(`| save, uncompressed | ${QEMU} | 1.25 | 1.50 |`))
  assert.ok(!reportText([record()], [], '').includes('imported the library'))
})

test('the report says when a table was measured with another commit', () => {
  const older = record(0, { suite: 'verify' })
  const host = { ...older.host, commit: 'd' }
  const text = reportText(
    [record(), { ...older, startedAt: '2026-11-28T05:00:00.000Z', host }],
    [],
    '',
  )
  assert.match(text, /### verify[^]*Rounds: 3\. Measured on 2026-11-28, commit d\.\n/)
  assert.equal(text.split('Measured on').length, 2)
})

test('the report marks a table as busy when other processes ran meanwhile', () => {
  assert.ok(reportText([record(2)], [], '').includes('Busy'))
})

function record(othersSeconds = 0, table: Partial<BenchTable> = {}): BenchRecord {
  const host = { processor: 'p', processors: 2, memoryBytes: 2 ** 34, kernel: 'k', fileSystem: 'f' }
  return {
    ...{ startedAt: '2026-11-29T05:00:00.000Z', command: ['save'] },
    host: { ...host, node: '24', qemu: '10', commit: 'c' },
    limits: { diskWrite: 1e9, diskRead: 2e9, memoryCopy: 3e9 },
    tables: [
      {
        ...{ suite: 'save', content: 'mixed', rounds: 3, freeHugeBytes: 0, ramBytes: 2 ** 32 },
        results: [result(OURS, [2, 3, 4], othersSeconds), result(QEMU, [2, 2, 2], othersSeconds)],
        ...table,
      },
    ],
  }
}

function result(name: string, times: readonly number[], othersSeconds = 0): ScenarioResult {
  const runs = times.map((seconds): Run => {
    return { seconds, elapsedSeconds: seconds, othersSeconds, stolenSeconds: 0 }
  })
  return { name, runs }
}
