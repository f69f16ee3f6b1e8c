import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole } from '../../access.ts'
import { diskNumber } from '../../disk-name.ts'
import { isHostCard } from '../../model/devices/host-device.ts'
import { grouped } from '../../grouping.ts'

/** The order in which libvirt assigns addresses to devices (qemuDomainAssignDevicePCISlots, 9.0). */
const ORDER = [
  'filesystem',
  'interface',
  'sound',
  'controller',
  'disk',
  'hostdev',
  'memballoon',
  'rng',
  'watchdog',
  'video',
  'shmem',
  'input',
  'serial',
  'iommu',
  'vsock',
  'panic',
  'memory',
  'crypto',
  'pstore',
] as const

/** PCI controllers, which get their addresses before all devices. */
export function bridges(devices: Element): readonly Element[] {
  return controllers(devices).filter((one) => attribute(one, 'type') === 'pci')
}

/** All elements that may be PCI devices, in libvirt's order. */
export function unplacedDevices(devices: Element): readonly Element[] {
  return ORDER.flatMap((name) => {
    if (name === 'controller') {
      return controllers(devices).filter((one) => attribute(one, 'type') !== 'pci')
    }
    const all = name === 'disk' ? disks(devices) : children(devices, name)
    if (name === 'interface') return all.filter((one) => !isHostCard(one))
    return name === 'hostdev' ? [...children(devices, 'interface').filter(isHostCard), ...all] : all
  })
}

function controllers(devices: Element): readonly Element[] {
  return grouped(
    children(devices, 'controller'),
    (one) => attribute(one, 'type'),
    (one) => whole(one, 'index') ?? 0,
  )
}

function disks(devices: Element): readonly Element[] {
  return grouped(
    children(devices, 'disk'),
    (one) => attribute(child(one, 'target'), 'bus'),
    (one) => diskNumber(attribute(child(one, 'target'), 'dev') ?? '') ?? 0,
  )
}
