import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { checkSameMachine } from './compatibility.ts'

const original = `<domain type='qemu'>
  <name>web</name><uuid>11111111-2222-4333-8444-555555555555</uuid>
  <memory unit='MiB'>64</memory><vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none'/><source file='/a'/><target dev='vda' bus='virtio'/>
      <address type='pci' bus='0x02' slot='0x00'/>
    </disk>
    <interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>
    <serial type='pty'><target port='0'/></serial>
  </devices>
</domain>`

function check(change: (xml: string) => string): void {
  const read = (xml: string): Parameters<typeof checkSameMachine>[0] =>
    readDomain(parseDomainXml(xml)).domain
  const changed = change(original)
  assert.notEqual(changed, original)
  checkSameMachine(read(original), read(changed))
}

test('checkSameMachine() allows changes that the guest cannot see', () => {
  check((xml) => xml.replace("file='/a'", "file='/b'"))
  check((xml) => xml.replace("cache='none'", "cache='writeback'"))
  check((xml) => xml.replace("<serial type='pty'>", "<serial type='unix'>"))
  check((xml) => xml.replace('52:54:00:00:00:01', '52:54:00:00:00:02'))
  check((xml) => xml.replace("type='qemu'", "type='kvm'"))
})

test('checkSameMachine() reports the first difference that the guest would see', () => {
  const changes: readonly [RegExp, (xml: string) => string][] = [
    [/the UUID is/, (xml) => xml.replace('11111111', '21111111')],
    [/the memory size is 131072 KiB, not 65536 KiB/, (xml) => xml.replace('>64<', '>128<')],
    [/the machine type is pc-q35-7.1/, (xml) => xml.replace('q35-7.2', 'q35-7.1')],
    [/it lacks the disk vda/, (xml) => xml.replace(/<disk.*<\/disk>/s, '')],
    [/the address of the disk vda is type=pci bus=3/, (xml) => xml.replace('0x02', '0x03')],
    [
      /the model of the interface 1 is e1000e, not virtio/,
      (xml) => xml.replace("type='virtio'", "type='e1000e'"),
    ],
    [
      /it adds the serial port 2/,
      (xml) => xml.replace('</serial>', "</serial><serial type='pty'/>"),
    ],
  ]
  for (const [message, change] of changes)
    assert.throws(() => check(change), { code: 'IMAGE_INCOMPATIBLE', message })
})
