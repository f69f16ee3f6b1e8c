import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDomainXml } from '../format.ts'
import { parseDomainXml } from '../parse.ts'
import { nameDevices } from './aliases.ts'
import { showCharacterSides, showListenAddresses } from './host-sides.ts'
import { dropLiveParts } from './live-parts.ts'

const DEFINITION = `<domain type='qemu'>
  <name>web</name>
  <memory unit='KiB'>65536</memory>
  <os>
    <type machine='pc-q35-7.2'>hvm</type>
  </os>
  <devices>
    <disk type='file' device='disk'>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <target dev='sda' bus='scsi'/>
      <alias name='ua-mine'/>
      <address type='drive' controller='1' bus='0' target='2' unit='3'/>
    </disk>
    <controller type='usb' index='1' model='qemu-xhci'/>
    <serial type='pty'>
      <target type='isa-serial' port='0'/>
    </serial>
    <console type='pty'>
      <target type='serial' port='0'/>
    </console>
    <channel type='unix'>
      <source mode='bind'/>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
      <address type='virtio-serial' controller='0' bus='0' port='1'/>
    </channel>
    <graphics type='vnc' port='-1' autoport='yes'>
      <listen type='address' address='127.0.0.1'/>
    </graphics>
    <memballoon model='virtio'/>
  </devices>
</domain>
`

test('live parts are what libvirt shows, and define leaves them out again', () => {
  const document = parseDomainXml(DEFINITION)
  const { root } = document
  root.setAttribute('id', '42')
  nameDevices(root)
  showListenAddresses(root)
  showCharacterSides(root, [
    { label: 'charserial0', filename: 'pty:/dev/pts/3', 'frontend-open': true },
    {
      label: 'charchannel0',
      filename: 'disconnected:unix:/run/stasis/web/channel0.sock,server=on',
      'frontend-open': false,
    },
  ])
  const live = formatDomainXml(document)
  for (const part of [
    "<domain type='qemu' id='42'>",
    "<alias name='virtio-disk1'/>",
    "<alias name='ua-mine'/>",
    "<alias name='usb1'/>",
    "<console type='pty' tty='/dev/pts/3'>",
    "<source path='/dev/pts/3'/>\n      <target type='isa-serial' port='0'/>\n      <alias name='serial0'/>",
    "<source mode='bind' path='/run/stasis/web/channel0.sock'/>",
    "name='org.qemu.guest_agent.0' state='disconnected'/>",
    "autoport='yes' listen='127.0.0.1'>",
    "<memballoon model='virtio'>\n      <alias name='balloon0'/>",
  ])
    assert.ok(live.includes(part), `${part} in ${live}`)
  root.getElementsByTagName('graphics')[0]?.setAttribute('port', '5901')
  root.getElementsByTagName('graphics')[0]?.removeAttribute('listen')

  dropLiveParts(root, '/run/stasis')
  assert.equal(formatDomainXml(document), DEFINITION)
})

test('dropLiveParts() keeps a socket that the user chose', () => {
  const chosen = DEFINITION.replace("mode='bind'", "mode='bind' path='/srv/agent.sock'")
  const document = parseDomainXml(chosen)
  dropLiveParts(document.root, '/run/stasis')
  assert.equal(formatDomainXml(document), chosen)
})
