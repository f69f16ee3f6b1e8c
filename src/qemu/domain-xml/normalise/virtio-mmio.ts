import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../access.ts'
import { busOf } from './disks.ts'
import { create } from './edit.ts'

/**
 * Once one virtio device is not on PCI, others without an address are not either, as in libvirt: a kernel that such a machine is made for knows no PCI
 * (qemuDomainAssignVirtioMMIOAddresses, 11.3).
 */
export function useMmio(devices: Element): void {
  const all = children(devices)
  if (!all.some((device) => attribute(child(device, 'address'), 'type') === 'virtio-mmio')) return
  for (const device of all) {
    if (isVirtio(device) && child(device, 'address') === undefined)
      device.appendChild(create(device, 'address', { type: 'virtio-mmio' }))
  }
}

function isVirtio(device: Element): boolean {
  const model = attribute(device, 'model') ?? ''
  switch (device.nodeName) {
    case 'disk':
      return busOf(device) === 'virtio'
    case 'interface':
      return attribute(child(device, 'model'), 'type') === 'virtio'
    case 'controller': {
      const type = attribute(device, 'type')
      return type === 'virtio-serial' || (type === 'scsi' && model === 'virtio-scsi')
    }
    case 'input':
      return attribute(device, 'bus') === 'virtio'
    case 'memballoon':
    case 'rng':
      return model === 'virtio'
    case 'filesystem':
      return true
    default:
      return false
  }
}
