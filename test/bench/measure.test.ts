import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { BenchRecord } from '../../bench/report/bench-record.ts'
import '../support/allow.ts'
import { tempDir } from '../support/temp-dir.ts'

const run = promisify(execFile)
const main = join(import.meta.dirname, '../../bench/main.ts')

test('bench measures saves of a real guest, writes the record, and leaves nothing', async () => {
  await using dir = await tempDir()
  const json = dir.join('record.json')
  const disk = dir.join('disk')
  await run(process.execPath, [
    ...['--disable-warning=ExperimentalWarning', main, 'levels', '--only', 'zstd 1'],
    ...['--ram', '0.125', '--rounds', '1', '--json', json, '--directory', disk],
  ])
  const { tables, limits, command } = JSON.parse(await readFile(json, 'utf8')) as BenchRecord
  const [result] = tables[0]?.results ?? []
  assert.equal(result?.name, 'stasis save, zstd 1')
  assert.equal(result.runs.length, 1)
  for (const {
    seconds,
    downtimeSeconds = 0,
    fileBytes = 0,
    peakBytes = 0,
    stages,
  } of result.runs) {
    assert.ok(downtimeSeconds > 0 && downtimeSeconds < seconds)
    // Half of the filled 32 MiB are random.
    assert.ok(fileBytes > 16 * 2 ** 20 && fileBytes < 32 * 2 ** 20)
    assert.ok(peakBytes > 32 * 2 ** 20)
    const sum = Object.values(stages ?? {}).reduce((total, one) => total + one, 0)
    assert.ok(Math.abs(sum - seconds) < 0.5)
  }
  assert.ok(limits.diskWrite > 0 && limits.diskRead > 0 && limits.memoryCopy > 0)
  assert.ok(!command.includes(json))
  assert.deepEqual(await readdir(disk), [])
})

test('bench sees faults of a lazy restore, and calls the library, from processes of their own', async () => {
  await using dir = await tempDir()
  const json = dir.join('record.json')
  const only = ['lazy, uncompressed, one fault', 'library load, zstd', 'library save, zstd']
  await run(process.execPath, [
    ...['--disable-warning=ExperimentalWarning', main, 'faults', 'save', 'restore'],
    ...only.flatMap((part) => ['--only', part]),
    ...['--ram', '0.25', '--rounds', '1', '--json', json],
  ])
  const { tables } = JSON.parse(await readFile(json, 'utf8')) as BenchRecord
  const [faults, save, restore] = tables.map(({ results }) => results[0])
  const [seen] = faults?.runs ?? []
  const {
    faults: count = 0,
    faultSeconds = 0,
    presentSeconds = 1,
    rareFaultSeconds = 0,
  } = seen ?? {}
  assert.ok(count > 20)
  assert.ok(presentSeconds < faultSeconds / 2 && faultSeconds <= rareFaultSeconds)
  assert.equal(save?.name, 'stasis library save, zstd adaptive')
  assert.ok((save.runs[0]?.fileBytes ?? 0) > 64 * 2 ** 20)
  assert.equal(restore?.name, 'stasis library load, zstd adaptive')
  for (const { seconds = 0, stages = {} } of restore.runs)
    assert.ok(seconds > 0 && (stages['start of the command'] ?? 1) < 0.1 + seconds / 4)
})

test('bench refuses a word that it does not know', async () => {
  await assert.rejects(run(process.execPath, [main, 'sve']), /unknown word "sve": start, save/)
})

test('bench refuses a guest that does not fit on the disk', async () => {
  await using dir = await tempDir()
  const args = [main, 'save', '--ram', '100000', '--directory', dir.join('disk')]
  await assert.rejects(run(process.execPath, args), /not enough space/)
})
