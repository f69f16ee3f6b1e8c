import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallXml } from '../../../test/support/test-store.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { type GuestFact, guestView } from './guest-view.ts'

const DEVICES = `
  <controller type='scsi' index='3' model='virtio-scsi'/>
  <disk type='file' device='disk'><source file='/secret'/><target dev='sda' bus='scsi'/>
    <address type='drive' controller='3' bus='0' target='0' unit='1'/></disk>
  <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><model type='virtio'/></interface>
  <channel type='unix'><source mode='bind' path='/secret'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  <watchdog model='itco' action='reset'/><watchdog model='i6300esb' action='reset'/>
  <memballoon model='virtio'/>`

function view(devices: string): readonly GuestFact[] {
  return guestView(readDomain(parseDomainXml(smallXml({ name: 'web', devices }))).domain)
}

test('guestView() names devices as people do', () => {
  const facts = new Map(view(DEVICES).map(({ subject, value }) => [subject, value]))
  for (const [subject, value] of [
    ['the name', 'web'],
    ['the memory size', '65536 KiB'],
    ['the number of processors', '1 of 1'],
    ['the controller scsi 3', 'there'],
    ['the model of the controller scsi 3', 'virtio-scsi'],
    ['the address of the disk sda', 'type=drive controller=3 bus=0 target=0 unit=1'],
    ['the interface 1', 'there'],
    ['the channel org.qemu.guest_agent.0', 'there'],
    ['the watchdog 1', 'there'],
    ['the model of the watchdog 1', 'i6300esb'],
    ['the balloon 1', 'there'],
  ] as const)
    assert.equal(facts.get(subject), value, subject)
})

test('guestView() contains nothing of the host side', () => {
  const text = JSON.stringify(view(DEVICES))
  for (const hostSide of ['secret', 'br0', '52:54', 'reset', 'itco'])
    assert.equal(text.includes(hostSide), false, hostSide)
})

test('guestView() differs when a device is removed', () => {
  for (const device of [
    /<controller.*\/>/,
    /<channel.*channel>/,
    /<watchdog model='i6.*\/>/,
    /<memb.*\/>/,
  ])
    assert.notDeepEqual(view(DEVICES.replace(device, '')), view(DEVICES), String(device))
})
