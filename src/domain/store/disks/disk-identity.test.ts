import assert from 'node:assert/strict'
import { truncate, unlink, utimes, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../../test/support/temp-dir.ts'
import { smallXml } from '../../../../test/support/test-store.ts'
import { parseDomainXml } from '../../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../../qemu/domain-xml/read-domain.ts'
import { changeOfDisks, identifyDisks, writableDisks } from './disk-identity.ts'

test('writableDisks() returns every layer of writable disks only', () => {
  const devices = `
    <disk type='file' device='disk'><driver type='qcow2'/><source file='/a'/>
      <backingStore type='file'><format type='qcow2'/><source file='/base'/>
        <backingStore type='file'><format type='raw'/><source file='/root'/><backingStore/></backingStore>
      </backingStore><target dev='vda' bus='virtio'/></disk>
    <disk type='block' device='disk'><source dev='/dev/b'/><target dev='vdb' bus='virtio'/></disk>
    <disk type='file' device='disk'><source file='/c'/><target dev='vdc' bus='virtio'/><readonly/></disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>`
  const { domain } = readDomain(parseDomainXml(smallXml({ name: 'web', devices })))
  assert.deepEqual(writableDisks(domain), [
    { target: 'vda', path: '/a' },
    { target: 'vda', path: '/base' },
    { target: 'vda', path: '/root' },
    { target: 'vdb', path: '/dev/b' },
  ])
})

test('identifyDisks() omits disks that do not exist', async () => {
  await using dir = await tempDir()
  const path = dir.join('a')
  await writeFile(path, 'disk')
  const disks = await identifyDisks([
    { target: 'vda', path },
    { target: 'vdb', path: dir.join('missing') },
  ])
  assert.deepEqual(
    disks.map(({ target, sizeBytes }) => [target, sizeBytes]),
    [['vda', 4]],
  )
})

test('identifyDisks() records no time for a device, whose node has none of its own', async () => {
  const [disk] = await identifyDisks([{ target: 'vda', path: '/dev/null' }])
  assert.equal(disk?.modifiedNs, '0')
})

test('changeOfDisks() finds a disk that was written to, resized or removed', async () => {
  await using dir = await tempDir()
  const path = dir.join('a')
  const place = [{ target: 'vda', path }]
  await writeFile(path, 'disk')
  const disks = await identifyDisks(place)
  assert.equal(await changeOfDisks(disks, place), undefined)
  const later = new Date('2030-01-02T03:04:05.000Z')
  await utimes(path, later, later)
  const change = async (): Promise<string> => (await changeOfDisks(disks, place)) ?? ''
  assert.match(await change(), /vda .* written to at 2030-01-02T03:04:05.000Z/)
  await truncate(path, 10)
  assert.match(await change(), /vda .* has 10 bytes, not 4/)
  await unlink(path)
  assert.match(await change(), /vda .* is gone/)
})

test('changeOfDisks() finds other content behind the same time', async () => {
  await using dir = await tempDir()
  const path = dir.join('a')
  const place = [{ target: 'vda', path }]
  const time = new Date('2030-01-02T03:04:05.000Z')
  await writeFile(path, 'disk')
  await utimes(path, time, time)
  const disks = await identifyDisks(place)
  await writeFile(path, 'Disk')
  await utimes(path, time, time)
  assert.match((await changeOfDisks(disks, place)) ?? '', /vda .* has different content/)
})

test('changeOfDisks() accepts a copy whose time was cut to the second', async () => {
  await using dir = await tempDir()
  const path = dir.join('a')
  await writeFile(path, 'disk')
  const [disk] = await identifyDisks([{ target: 'vda', path }])
  assert.ok(disk)
  const copied = new Date('2030-01-02T03:04:05.000Z')
  await utimes(path, copied, copied)
  const nanoseconds = (time: Date, more: bigint): string =>
    String(BigInt(time.getTime()) * 1_000_000n + more)
  for (const [modifiedNs, same] of [
    [nanoseconds(copied, 999_999_999n), true],
    [nanoseconds(copied, 1_000_000_000n), false],
    [nanoseconds(copied, -1n), false],
  ] as const) {
    const change = await changeOfDisks([{ ...disk, modifiedNs }], [{ target: 'vda', path }])
    assert.equal(change === undefined, same, modifiedNs)
  }
})

test('changeOfDisks() compares by target, at any path and below the overlay of a clone', async () => {
  await using dir = await tempDir()
  for (const name of ['top', 'base', 'overlay', 'elsewhere']) {
    await writeFile(dir.join(name), name.length > 4 ? 'disk' : name)
    await utimes(dir.join(name), 1, 1)
  }
  const at = (name: string): { target: string; path: string } => ({
    target: 'vda',
    path: dir.join(name),
  })
  const disks = await identifyDisks([at('top'), at('base')])
  assert.equal(await changeOfDisks(disks, [at('top'), at('base')]), undefined)
  assert.equal(await changeOfDisks(disks, [at('overlay'), at('top'), at('base')]), undefined)
  await writeFile(dir.join('elsewhere'), 'top')
  await utimes(dir.join('elsewhere'), 1, 1)
  assert.equal(await changeOfDisks(disks, [at('elsewhere'), at('base')]), undefined)
  await writeFile(dir.join('base-copy'), 'base')
  await utimes(dir.join('base-copy'), 1, 1)
  const moved = [at('overlay'), at('elsewhere'), at('base-copy')]
  assert.equal(await changeOfDisks(disks, moved), undefined)
  assert.match((await changeOfDisks(disks, [at('base-copy'), at('base')])) ?? '', /vda/)
  const other = [{ target: 'vdb', path: dir.join('missing') }]
  assert.equal(await changeOfDisks(disks, other), undefined)
})
