import type { Element } from '@xmldom/xmldom'
import { attribute, child, whole } from '../../access.ts'
import type { Chipset } from '../../chipset.ts'
import { isGiven, isHostCard } from '../../model/devices/host-device.ts'
import { hasExpress } from '../chipset.ts'

/**
 * The connection of a device: a conventional PCI slot, a PCI Express slot, or, for bridges and ports, the kinds of slot that accept them. After
 * virDomainPCIConnectFlags (libvirt 9.0, conf/domain_addr.h).
 */
export type Connection =
  | 'pci'
  | 'pcie'
  | 'root-port'
  | 'upstream-port'
  | 'downstream-port'
  | 'dmi-to-pci-bridge'
  | 'pcie-to-pci-bridge'
  | 'pci-bridge'
  | 'pci-expander'
  | 'pcie-expander'

const BRIDGES: Readonly<Record<string, Connection>> = {
  'pcie-root-port': 'root-port',
  'pcie-switch-upstream-port': 'upstream-port',
  'pcie-switch-downstream-port': 'downstream-port',
  'dmi-to-pci-bridge': 'dmi-to-pci-bridge',
  'pcie-to-pci-bridge': 'pcie-to-pci-bridge',
  'pci-bridge': 'pci-bridge',
  'pci-expander-bus': 'pci-expander',
  'pcie-expander-bus': 'pcie-expander',
}

/** The connection of a PCI controller of that model; `undefined` for the roots. */
function bridgeConnection(model: string): Connection | undefined {
  return BRIDGES[model]
}

/** The connection of a device; `undefined` when it is not a PCI device. */
export function connectionOf(device: Element, chipset: Chipset): Connection | undefined {
  if (attribute(child(device, 'address'), 'type') === 'virtio-mmio') return undefined
  const express: Connection = hasExpress(chipset) ? 'pcie' : 'pci'
  const virtio = (model: string | undefined): Connection =>
    model === 'virtio-transitional' ? 'pci' : express
  const model = attribute(device, 'model')
  switch (device.nodeName) {
    case 'controller':
      return controllerConnection(device, express)
    case 'interface': {
      if (isHostCard(device)) return express
      const card = attribute(child(device, 'model'), 'type') ?? 'rtl8139'
      if (card.startsWith('virtio')) return virtio(card)
      return card === 'e1000e' || card === 'igb' ? express : 'pci'
    }
    case 'disk':
      return attribute(child(device, 'target'), 'bus') === 'virtio' ? virtio(model) : undefined
    case 'memballoon':
      return model === 'none' ? undefined : virtio(model)
    case 'rng':
    case 'filesystem':
      return virtio(model)
    case 'hostdev':
      if (!isGiven(device)) return undefined
      if (attribute(device, 'type') === 'scsi_host') return virtio(model)
      // Both have a bus of their own.
      return ['usb', 'scsi'].includes(attribute(device, 'type') ?? '') ? undefined : express
    case 'input':
      return attribute(device, 'bus') === 'virtio' ? virtio(model) : undefined
    case 'video':
      return videoConnection(attribute(child(device, 'model'), 'type'), express)
    case 'sound':
      if (model === 'virtio') return express
      return ['usb', 'sb16', 'pcspk'].includes(model ?? '') ? undefined : 'pci'
    case 'watchdog':
      return model === 'i6300esb' ? 'pci' : undefined
    case 'serial':
      return attribute(child(device, 'target'), 'type') === 'pci-serial' ? 'pci' : undefined
    case 'crypto':
    case 'vsock':
      return virtio(model)
    case 'iommu':
      return model === 'virtio' ? express : undefined
    case 'shmem':
    case 'pstore':
      return 'pci'
    case 'memory':
      return model === 'virtio-mem' || model === 'virtio-pmem' ? express : undefined
    case 'panic':
      return model === 'pvpanic' ? 'pci' : undefined
    default:
      return undefined
  }
}

function controllerConnection(controller: Element, express: Connection): Connection | undefined {
  const model = attribute(controller, 'model') ?? ''
  switch (attribute(controller, 'type')) {
    case 'pci':
      return bridgeConnection(model)
    case 'sata':
      return 'pci'
    case 'ide':
      return whole(controller, 'index') === 0 ? 'pci' : undefined
    case 'usb':
      if (model === 'none') return undefined
      return model.endsWith('xhci') ? express : 'pci'
    case 'scsi':
      return model === 'virtio-scsi' || model === 'virtio' || model === 'virtio-non-transitional'
        ? express
        : 'pci'
    case 'virtio-serial':
      return model === 'virtio-transitional' ? 'pci' : express
    default:
      return undefined
  }
}

function videoConnection(type: string | undefined, express: Connection): Connection | undefined {
  if (type === 'none' || type === 'ramfb') return undefined
  return type === 'virtio' || type === 'bochs' ? express : 'pci'
}
