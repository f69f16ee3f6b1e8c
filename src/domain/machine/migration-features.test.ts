import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type FakeMonitor, fakeMonitor, ok } from '../../../test/support/fake-monitor.ts'
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import type { Directories } from '../store/directories.ts'
import { migrationFeatures } from './migration-features.ts'

const ANSWERS: Readonly<Record<string, unknown>> = {
  'query-migrate-capabilities': [{ capability: 'multifd', state: false }],
  'query-qmp-schema': [],
}

function monitor(): Promise<FakeMonitor> {
  return fakeMonitor((command) => ok(command, ANSWERS[command.execute]))
}

async function prepared(dir: TempDir): Promise<Directories> {
  await mkdir(dir.join('cache'))
  await writeFile(dir.join('qemu'), 'binary')
  return { stateDir: dir.path, runtimeDir: dir.join('run') }
}

test('migrationFeatures() probes a QEMU once, and again when its file has changed', async () => {
  await using dir = await tempDir()
  const directories = await prepared(dir)
  await using fake = await monitor()
  await using qmp = await QmpConnection.connect(fake.path)
  const probes = (): number =>
    fake.received.filter(({ execute }) => execute === 'query-qmp-schema').length
  const probe = async (): Promise<readonly string[]> =>
    (await migrationFeatures(qmp, dir.join('qemu'), directories, undefined)).capabilities
  assert.deepEqual(await probe(), ['multifd'])
  assert.deepEqual(await probe(), ['multifd'])
  assert.equal(probes(), 1)
  await utimes(dir.join('qemu'), 1, 1)
  await probe()
  assert.equal(probes(), 2)
})

test('migrationFeatures() replaces a damaged cache, and needs none', async () => {
  await using dir = await tempDir()
  const directories = await prepared(dir)
  await using fake = await monitor()
  await using qmp = await QmpConnection.connect(fake.path)
  const probe = (stateDir: string): Promise<unknown> =>
    migrationFeatures(qmp, dir.join('qemu'), { ...directories, stateDir }, undefined)
  await probe(dir.path)
  const [name] = await readdir(dir.join('cache'))
  await writeFile(dir.join('cache', name ?? ''), '{"version": 1}')
  const before = fake.received.length
  await probe(dir.path)
  assert.ok(fake.received.length > before)
  await probe('/proc/nonexistent')
})
