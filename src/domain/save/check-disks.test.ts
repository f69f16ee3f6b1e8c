import assert from 'node:assert/strict'
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fakeMonitor, ok } from '../../../test/support/fake-monitor.ts'
import { smallXml, testStore } from '../../../test/support/test-store.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { checkDisks, lostFiles } from './check-disks.ts'

interface Node {
  readonly drv: string
  readonly file: string
}

/** The lost files of a domain whose QEMU is this process and has `nodes` as block nodes. */
async function lost(
  nodes: readonly Node[],
  devices = '',
): Promise<{ readonly found: readonly unknown[]; readonly refusal: unknown }> {
  await using store = await testStore()
  const record = {
    ...(await store.run('web', {}, smallXml({ name: 'web', devices }))),
    pid: process.pid,
  }
  await using fake = await fakeMonitor((command) => ok(command, nodes))
  await using qmp = await QmpConnection.connect(fake.path)
  const files = await lostFiles(qmp, store.paths('web'), record)
  const refusal = await checkDisks('web', qmp, store.paths('web'), record).catch(
    (error: unknown) => error,
  )
  return {
    found: files.map(({ path, how, removable }) => [path, how, removable]),
    refusal,
  }
}

async function openDisk(path: string): Promise<FileHandle> {
  await writeFile(path, 'disk')
  return open(path)
}

test('lostFiles() finds disks that were removed or replaced, and no others', async () => {
  await using store = await testStore()
  const path = (name: string): string => store.join(name)
  await using _kept = await openDisk(path('kept'))
  await using _removed = await openDisk(path('removed'))
  await using _replaced = await openDisk(path('replaced'))
  await rm(path('removed'))
  await writeFile(path('new'), 'other')
  await rename(path('new'), path('replaced'))
  const nodes = ['kept', 'removed', 'replaced'].map((name) => ({ drv: 'file', file: path(name) }))
  const { found, refusal } = await lost(nodes)
  assert.deepEqual(found, [
    [path('removed'), 'gone', false],
    [path('replaced'), 'replaced', false],
  ])
  assert.equal((refusal as { code?: string }).code, 'DOMAIN_WRONG_STATE')
  assert.equal((refusal as { path?: string }).path, path('removed'))
})

test('lostFiles() ignores nodes without a file of this host', async () => {
  const { found, refusal } = await lost([
    { drv: 'qcow2', file: '/nonexistent/a' },
    { drv: 'nbd', file: 'nbd://host' },
    { drv: 'file', file: 'json:{}' },
    { drv: 'file', file: '/dev/fdset/1' },
  ])
  assert.deepEqual(found, [])
  assert.equal(refusal, undefined)
})

test('checkDisks() accepts a lost medium of a CD-ROM drive', async () => {
  const devices = `<disk type='file' device='cdrom'><source file='/nonexistent/iso'/><target dev='sda' bus='sata'/></disk>`
  const { found, refusal } = await lost([{ drv: 'file', file: '/nonexistent/iso' }], devices)
  assert.deepEqual(found, [['/nonexistent/iso', 'gone', true]])
  assert.equal(refusal, undefined)
})
