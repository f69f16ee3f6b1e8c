import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readBenchRecord } from '../../bench/report/bench-record.ts'
import { reportFiles } from '../../bench/report/write-report.ts'

const root = join(import.meta.dirname, '../..')

test('docs/benchmarks.md and its pictures are what the bench makes of its records', () => {
  const records = globSync('bench/records/*.json', { cwd: root }).toSorted()
  const files = reportFiles(records.map((path) => readBenchRecord(join(root, path))))
  const stale = [...files]
    .filter(([path, text]) => readFileSync(join(root, 'docs', path), 'utf8') !== text)
    .map(([path]) => path)
  assert.deepEqual(stale, [], '`npm run bench -- report bench/records/*.json` writes them')
  const pictures = globSync('docs/pictures/benchmarks/*', { cwd: root })
  assert.equal(pictures.length, files.size - 1)
})
