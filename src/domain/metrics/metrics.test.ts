import assert from 'node:assert/strict'
import { readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import type { JournalEntry } from '../journal/entry.ts'
import { writeMetrics } from './write-metrics.ts'

const ENTRY: JournalEntry = {
  ...{ act: 'save', time: '2026-11-28T22:00:00.500Z', durationMs: 1830, outcome: 'completed' },
  ...{ domain: 'web', fileBytes: 4096, memoryBytes: 8192, downtimeMs: 900 },
  by: { pid: 7, uid: 0 },
}

test('writeMetrics() counts acts and domains, for everybody to read', async () => {
  await using store = await testStore()
  const path = store.join('stasis.prom')
  await store.define('web')
  await store.run('db')
  await writeMetrics(path, ENTRY, store.directories)
  await writeMetrics(path, { ...ENTRY, outcome: 'failed', code: 'NO_SPACE' }, store.directories)
  await writeMetrics(path, { ...ENTRY, act: 'restore', downtimeMs: undefined }, store.directories)
  assert.equal(
    await readFile(path, 'utf8'),
    `# HELP stasis_acts_total Acts that ended, by how they ended.
# TYPE stasis_acts_total counter
stasis_acts_total{act="save",outcome="completed"} 1
stasis_acts_total{act="save",outcome="failed"} 1
stasis_acts_total{act="restore",outcome="completed"} 1
# HELP stasis_last_act_time_seconds When the last completed act ended.
# TYPE stasis_last_act_time_seconds gauge
stasis_last_act_time_seconds{act="save"} 1795903200.5
stasis_last_act_time_seconds{act="restore"} 1795903200.5
# HELP stasis_last_act_duration_seconds How long the last completed act took.
# TYPE stasis_last_act_duration_seconds gauge
stasis_last_act_duration_seconds{act="save"} 1.83
stasis_last_act_duration_seconds{act="restore"} 1.83
# HELP stasis_last_act_downtime_seconds How long its guest was stopped.
# TYPE stasis_last_act_downtime_seconds gauge
stasis_last_act_downtime_seconds{act="save"} 0.9
# HELP stasis_last_act_image_bytes The length of the image that it wrote.
# TYPE stasis_last_act_image_bytes gauge
stasis_last_act_image_bytes{act="save"} 4096
stasis_last_act_image_bytes{act="restore"} 4096
# HELP stasis_last_act_memory_bytes The memory of its guest.
# TYPE stasis_last_act_memory_bytes gauge
stasis_last_act_memory_bytes{act="save"} 8192
stasis_last_act_memory_bytes{act="restore"} 8192
# HELP stasis_domains Domains, by their state after the last act.
# TYPE stasis_domains gauge
stasis_domains{state="running"} 1
stasis_domains{state="saved"} 0
stasis_domains{state="shut off"} 1
stasis_domains{state="unknown"} 0
`,
  )
  assert.equal((await stat(path)).mode & 0o777, 0o644)
})

test('writeMetrics() counts every act of processes that write at the same time', async () => {
  await using store = await testStore()
  const path = store.join('stasis.prom')
  const all = Array.from({ length: 8 }, () => writeMetrics(path, ENTRY, store.directories))
  await Promise.all(all)
  assert.match(await readFile(path, 'utf8'), /\{act="save",outcome="completed"\} 8\n/)
})

test('writeMetrics() counts from anew when its counters are damaged, and follows no link', async () => {
  await using store = await testStore()
  const path = store.join('stasis.prom')
  await writeMetrics(path, ENTRY, store.directories)
  await writeFile(`${store.directories.stateDir}/metrics/counters.json`, '{"ended":{"a\\"":1}}')
  await writeFile(store.join('victim'), 'precious')
  const planted = store.join('planted.prom')
  await symlink('victim', planted)
  await symlink('victim', store.join('.planted.prom.partial'))
  await writeMetrics(planted, ENTRY, store.directories)
  assert.equal(await readFile(store.join('victim'), 'utf8'), 'precious')
  assert.match(await readFile(planted, 'utf8'), /outcome="completed"\} 1\n/)
  assert.deepEqual(
    (await readdir(store.join('.'))).filter((name) => name.includes('partial')),
    [],
  )
})
