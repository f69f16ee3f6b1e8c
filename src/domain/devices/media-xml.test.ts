import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withMedium } from './media-xml.ts'

const XML = `<domain type='qemu'>
  <name>web</name>
  <memory unit='KiB'>65536</memory>
  <os>
    <type machine='pc-q35-7.2'>hvm</type>
  </os>
  <devices>
    <disk type='file' device='disk'>
      <source file='/srv/web.img'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='block' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source dev='/dev/sr0'/>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>
    <disk type='file' device='floppy'>
      <target dev='fda' bus='fdc'/>
    </disk>
  </devices>
</domain>
`

test('withMedium() replaces and ejects a medium, by the name of the drive or by the medium', () => {
  const other = withMedium(XML, 'sda', { source: '/srv/a.iso' })
  assert.equal(other.index, 1)
  assert.equal(
    other.xml,
    XML.replace("<disk type='block'", "<disk type='file'").replace(
      "<source dev='/dev/sr0'/>",
      "<source file='/srv/a.iso'/>",
    ),
  )
  const ejected = withMedium(XML, '/dev/sr0', { action: 'eject' })
  assert.equal(ejected.target, 'sda')
  assert.equal(ejected.xml, XML.replace("      <source dev='/dev/sr0'/>\n", ''))
  const back = withMedium(ejected.xml, 'sda', { action: 'insert', source: '/dev/sr0', block: true })
  assert.equal(back.xml, XML)
  assert.equal(
    withMedium(XML, 'fda', { source: '/srv/f.img' }).disk,
    '<disk type="file" device="floppy">\n  <source file="/srv/f.img"/>\n  <target dev="fda" bus="fdc"/>\n</disk>',
  )
})

test('withMedium() refuses what cannot be done', () => {
  const refused = (device: string, change: Parameters<typeof withMedium>[2], message: RegExp) =>
    assert.throws(() => withMedium(XML, device, change), { message })
  refused('vda', { action: 'eject' }, /No CD-ROM or floppy drive found .* is vda/)
  refused('fda', { action: 'eject' }, /doesn't have media/)
  refused('sda', { action: 'insert', source: '/srv/a.iso' }, /already has media/)
  refused('sda', {}, /source was not specified/)
  refused('sda', { action: 'eject', source: '/srv/a.iso' }, /Nothing is inserted/)
})
