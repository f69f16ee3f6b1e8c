import assert from 'node:assert/strict'
import { readFile, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { testStore } from '../../../test/support/test-store.ts'
import { claimStateDirectory, foreignHostFault, recordSharing } from './state-host.ts'

afterEach(() => {
  delete process.env['STASIS_HOST_ID']
})

test('claimStateDirectory() refuses another host, and a look of it writes nothing', async () => {
  await using store = await testStore()
  const { directories } = store
  assert.equal(await foreignHostFault(directories), undefined)
  process.env['STASIS_HOST_ID'] = 'one'
  await claimStateDirectory(directories)
  await claimStateDirectory(directories)
  assert.equal(await foreignHostFault(directories), undefined)
  const path = join(directories.stateDir, 'host.json')
  const before = await readFile(path, 'utf8')
  process.env['STASIS_HOST_ID'] = 'two'
  await assert.rejects(claimStateDirectory(directories), { code: 'STATE_OF_ANOTHER_HOST', path })
  assert.equal((await foreignHostFault(directories))?.code, 'STATE_OF_ANOTHER_HOST')
  assert.equal(await readFile(path, 'utf8'), before)
})

test('claimStateDirectory() gives the directory to one of several hosts at once', async () => {
  await using store = await testStore()
  const { directories } = store
  const claims: Promise<void>[] = []
  for (const id of ['a', 'b', 'c', 'd']) {
    process.env['STASIS_HOST_ID'] = id
    claims.push(claimStateDirectory(directories))
  }
  const ends = await Promise.allSettled(claims)
  assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
  assert.deepEqual(await readdir(directories.stateDir), ['host.json'])
})

test('claimStateDirectory() throws STATE_UNREADABLE for a damaged record', async () => {
  await using store = await testStore()
  const { directories } = store
  await claimStateDirectory(directories)
  await writeFile(join(directories.stateDir, 'host.json'), '{"id": 1}')
  await assert.rejects(claimStateDirectory(directories), { code: 'STATE_UNREADABLE' })
})

test('the host id is a digest, and the machine id is not written down', async () => {
  await using store = await testStore()
  await claimStateDirectory(store.directories)
  const text = await readFile(join(store.directories.stateDir, 'host.json'), 'utf8')
  const machineId = (await readFile('/etc/machine-id', 'utf8').catch(() => 'none')).trim()
  assert.ok(!text.includes(machineId))
  assert.match(text, /"id": "[0-9a-f]{32}"/)
})

test('claimStateDirectory() does not make a state directory where a shared one is not mounted', async () => {
  await using store = await testStore()
  const { stateDir } = store.directories
  const directories = { stateDir, runtimeDir: store.join('run of this host') }
  await recordSharing(directories, 'yes')
  await claimStateDirectory(directories)
  await rename(stateDir, store.join('unmounted'))
  await assert.rejects(claimStateDirectory(directories), { code: 'STATE_MISSING', path: stateDir })
  await assert.rejects(readdir(stateDir), { code: 'ENOENT' })
  await rename(store.join('unmounted'), stateDir)
  await claimStateDirectory(directories)
})
