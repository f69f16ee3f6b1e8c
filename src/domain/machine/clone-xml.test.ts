import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cidOfUuid } from '../../qemu/domain-xml/model/devices/vsock.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { cloneXml } from './clone-xml.ts'
import { writableDisks } from '../store/disks/disk-identity.ts'

const SAVED = `<domain type='qemu'><name>web</name><uuid>4b5e57f6-eb2f-42b9-839b-3d1e13929295</uuid>
  <genid>11111111-2222-4333-8444-555555555555</genid><memory unit='MiB'>256</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type><nvram>/nvram/web.fd</nvram></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/disks/a'/>
      <backingStore type='file'><format type='raw'/><source file='/base'/><backingStore/></backingStore><target dev='vda' bus='virtio'/></disk>
    <disk type='block' device='disk'><source dev='/dev/vg/b'/><target dev='vdb' bus='virtio'/></disk>
    <disk type='file' device='disk'><source file='/disks/c'/><target dev='vdc' bus='virtio'/><readonly/></disk>
    <disk type='file' device='cdrom'><source file='/iso'/><target dev='sda' bus='sata'/></disk>
    <disk type='file' device='cdrom'><target dev='sdb' bus='sata'/></disk>
    <interface type='user'><mac address='52:54:00:12:34:57'/><model type='virtio'/></interface>
    <serial type='unix'><source mode='bind' path='/run/s'/><log file='/log/s'/><target port='0'/></serial>
    <serial type='file'><source path='/log/t'/><target port='1'/></serial>
    <serial type='tcp'><source mode='connect' host='h' service='1'/><target port='2'/></serial>
  </devices></domain>`

test('cloneXml() changes everything that two machines cannot share', () => {
  const clone = cloneXml(SAVED, { name: 'one', diskOverlay: '/overlays' })
  const { domain } = readDomain(parseDomainXml(clone.xml), { tolerant: true })
  assert.equal(domain.name, 'one')
  for (const saved of [
    '4b5e57f6-eb2f',
    '11111111-2222',
    '52:54:00:12:34:57',
    "'/run/s'",
    "'/log/s'",
  ])
    assert.equal(clone.xml.includes(saved), false, saved)
  for (const own of ['/run/s.one', '/log/s.one', '/log/t.one', '/nvram/web.fd.one'])
    assert.ok(clone.xml.includes(own), own)
  assert.deepEqual(clone.nvram, { from: '/nvram/web.fd', to: '/nvram/web.fd.one' })
  assert.deepEqual(clone.overlays, [
    { path: '/overlays/one-vda.qcow2', backing: '/disks/a', backingFormat: 'qcow2' },
    { path: '/overlays/one-vdb.qcow2', backing: '/dev/vg/b', backingFormat: 'raw' },
  ])
})

test('cloneXml() gives a clone its own variable store in either form of the XML', () => {
  const source = "<nvram type='file' format='qcow2'><source file='/nvram/web.qcow2'/></nvram>"
  const saved = SAVED.replace('<nvram>/nvram/web.fd</nvram>', source)
  const clone = cloneXml(saved, { name: 'one', diskOverlay: '/overlays' })
  assert.deepEqual(clone.nvram, { from: '/nvram/web.qcow2', to: '/nvram/web.qcow2.one' })
  const { domain } = readDomain(parseDomainXml(clone.xml), { tolerant: true })
  assert.equal(domain.os.nvram?.path, '/nvram/web.qcow2.one')
})

test('cloneXml() records the backing of an overlay, so that a changed disk is found', () => {
  const { xml } = cloneXml(SAVED, { name: 'one', diskOverlay: '/overlays' })
  const { domain } = readDomain(parseDomainXml(xml), { tolerant: true })
  assert.deepEqual(
    writableDisks(domain).map(({ path }) => path),
    ['/overlays/one-vda.qcow2', '/disks/a', '/base', '/overlays/one-vdb.qcow2', '/dev/vg/b'],
  )
  const [a, b] = domain.disks.map(({ source }) => source)
  assert.deepEqual([a?.type, a?.format, b?.type, b?.format], ['file', 'qcow2', 'file', 'qcow2'])
})

test('cloneXml() chooses another address for a vsock whose address was chosen, and keeps one that the XML fixes', () => {
  const cidAfter = (cid: string): number | undefined => {
    const xml = SAVED.replace('<serial ', `<vsock model='virtio'>${cid}</vsock><serial `)
    const clone = cloneXml(xml, { name: 'one', diskOverlay: '/overlays' })
    const { domain } = readDomain(parseDomainXml(clone.xml), { tolerant: true })
    const [vsock] = domain.vsocks
    if (vsock?.cid !== 77) assert.equal(vsock?.cid, cidOfUuid(domain.uuid ?? ''))
    return vsock?.cid
  }
  assert.notEqual(cidAfter(`<cid auto='yes' address='77'/>`), 77)
  assert.equal(cidAfter(`<cid auto='no' address='77'/>`), 77)
})

test('cloneXml() refuses a disk that two would write to', () => {
  assert.throws(() => cloneXml(SAVED, { name: 'one' }), {
    code: 'BAD_COMBINATION',
    path: '/disks/a',
    hint: /--disk-overlay/,
  })
})
