import assert from 'node:assert/strict'
import { truncate, unlink, utimes, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { smallXml } from '../../../test/support/test-store.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
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
  await writeFile(path, 'disk')
  const disks = await identifyDisks([{ target: 'vda', path }])
  assert.equal(await changeOfDisks(disks), undefined)
  const later = new Date('2030-01-02T03:04:05.000Z')
  await utimes(path, later, later)
  assert.match((await changeOfDisks(disks)) ?? '', /vda .* written to at 2030-01-02T03:04:05.000Z/)
  await truncate(path, 10)
  assert.match((await changeOfDisks(disks)) ?? '', /vda .* has 10 bytes, not 4/)
  await unlink(path)
  assert.match((await changeOfDisks(disks)) ?? '', /vda .* is gone/)
})
