import { randomUUID } from 'node:crypto'
import { bringUp } from '../../io/sockets/network-device.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import { addSwitchPort } from '../../qemu/programs/ovs-vsctl.ts'
import {
  type OpenTap,
  attempt,
  configure,
  makeTap,
  mtuFor,
  nameFor,
  uniqueName,
} from './open-tap.ts'

/** Makes a port of the card's bridge of Open vSwitch. @throws QemuError QEMU_LACKS_FEATURE, QEMU_START_FAILED */
export async function openSwitchPort(card: NetworkInterface, domain: Domain): Promise<OpenTap> {
  const { bridge = '', mac = '', vlan, virtualPort } = card
  const mtu = await mtuFor(card, bridge)
  const tap = attempt(card, `make a tap device for the switch ${bridge}`, () =>
    makeTap(card, nameFor(card, uniqueName()), (name) => {
      configure(name, card, mtu)
      bringUp(name)
    }),
  )
  try {
    const end = await addSwitchPort({
      ...{ name: tap.name, bridge, mac, vlan, domainUuid: domain.uuid ?? '' },
      interfaceId: virtualPort?.interfaceId ?? randomUUID(),
      profileId: virtualPort?.profileId,
    })
    return { fds: tap.fds, endCommands: [end] }
  } catch (error) {
    for (const fd of tap.fds) closeDescriptor(fd)
    throw error
  }
}
