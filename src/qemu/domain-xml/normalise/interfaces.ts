import type { Element } from '@xmldom/xmldom'
import { child, children } from '../access.ts'
import { create, insertBefore } from './edit.ts'

/** Fills in network cards: a MAC address in QEMU's range 52:54:00, and libvirt's default model. */
export function fillInterfaces(devices: Element, random: (length: number) => Uint8Array): void {
  for (const card of children(devices, 'interface')) {
    if (child(card, 'mac') === undefined) {
      insertBefore(card, create(card, 'mac', { address: newMac(random) }), () => true)
    }
    if (child(card, 'model') === undefined) {
      const before = ['mac', 'source', 'virtualport', 'ip', 'route', 'script', 'backenddomain']
      before.push('target', 'guest')
      insertBefore(
        card,
        create(card, 'model', { type: 'rtl8139' }),
        (one) => !before.includes(one.nodeName),
      )
    }
  }
}

function newMac(random: (length: number) => Uint8Array): string {
  const own = [...random(3)].map((byte) => byte.toString(16).padStart(2, '0'))
  return ['52', '54', '00', ...own].join(':')
}
