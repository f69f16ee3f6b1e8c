import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../access.ts'
import type { Chipset } from '../chipset.ts'
import { isHostCard } from '../model/devices/host-device.ts'
import { create, insertBefore } from './edit.ts'
import { newUuid } from './top-level.ts'

/** Fills in network cards: a MAC address in QEMU's range 52:54:00, libvirt's default model, and the id of a port of Open vSwitch. */
export function fillInterfaces(
  devices: Element,
  chipset: Chipset,
  random: (length: number) => Uint8Array,
): void {
  for (const card of children(devices, 'interface')) {
    if (child(card, 'mac') === undefined) {
      insertBefore(card, create(card, 'mac', { address: newMac(random) }), () => true)
    }
    if (child(card, 'model') === undefined && !isHostCard(card)) {
      const before = ['mac', 'source', 'virtualport', 'ip', 'route', 'script', 'backenddomain']
      before.push('target', 'guest')
      insertBefore(
        card,
        create(card, 'model', { type: chipset === 'virt' ? 'virtio' : usualModel(card) }),
        (one) => !before.includes(one.nodeName),
      )
    }
    fillSwitchPort(card, random)
  }
}

/** Only a virtio card can have its other half elsewhere. */
function usualModel(card: Element): string {
  const elsewhere = ['vhostuser', 'vdpa'].includes(attribute(card, 'type') ?? '')
  return elsewhere ? 'virtio' : 'rtl8139'
}

/** Controllers know the port by it, so it stays the same from start to start. */
function fillSwitchPort(card: Element, random: (length: number) => Uint8Array): void {
  const port = child(card, 'virtualport')
  if (port === undefined || attribute(port, 'type') !== 'openvswitch') return
  const parameters =
    child(port, 'parameters') ?? insertBefore(port, create(port, 'parameters'), () => true)
  if (!parameters.hasAttribute('interfaceid'))
    parameters.setAttribute('interfaceid', newUuid(random))
}

function newMac(random: (length: number) => Uint8Array): string {
  const own = [...random(3)].map((byte) => byte.toString(16).padStart(2, '0'))
  return ['52', '54', '00', ...own].join(':')
}
