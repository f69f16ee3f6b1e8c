import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  attributeNode,
  child,
  childText,
  flag,
  requiredAttribute,
  sizeInBytes,
  whole,
} from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseWhole } from '../../values.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from './device.ts'
import { type IothreadMap, readIothreadMap } from './iothread-map.ts'

export type ControllerType =
  | 'pci'
  | 'sata'
  | 'ide'
  | 'scsi'
  | 'usb'
  | 'virtio-serial'
  | 'fdc'
  | 'ccid'

/** A controller or PCI bridge. */
export interface Controller extends Device {
  readonly type: ControllerType
  readonly index: number
  readonly model: string | undefined
  /** QEMU's name for a PCI bridge where libvirt records it (`<model name=…>`). */
  readonly modelName: string | undefined
  readonly chassis: number | undefined
  readonly chassisNr: number | undefined
  readonly port: number | undefined
  readonly busNr: number | undefined
  readonly numaNode: number | undefined
  readonly hotplug: boolean | undefined
  readonly memReserveBytes: number | undefined
  readonly pciHole64Bytes: number | undefined
  /** USB companion controllers: the first port of the master that they serve. */
  readonly startPort: number | undefined
  readonly ports: number | undefined
  readonly vectors: number | undefined
  readonly queues: number | undefined
  readonly cmdPerLun: number | undefined
  readonly maxSectors: number | undefined
  readonly ioeventfd: boolean | undefined
  readonly iothread: number | undefined
  readonly iothreadMap: IothreadMap
  readonly virtio: VirtioOptions
}

/** Reads a `<controller>`. */
export function readController(element: Element): Controller {
  const target = child(element, 'target')
  const driver = child(element, 'driver')
  const node = childText(target, 'node')
  const hole = child(element, 'pcihole64')
  const reserve = whole(target, 'memReserve')
  const model = attribute(element, 'model')
  return {
    ...readDevice(element),
    type: requiredAttribute(element, 'type') as ControllerType,
    index: whole(element, 'index') ?? 0,
    model,
    modelName: attribute(child(element, 'model'), 'name'),
    chassis: whole(target, 'chassis'),
    chassisNr: whole(target, 'chassisNr'),
    port: portNumber(target),
    busNr: whole(target, 'busNr'),
    numaNode: node === undefined ? undefined : parseWhole(node.trim()),
    hotplug: flag(target, 'hotplug'),
    memReserveBytes: reserve === undefined ? undefined : reserve * 1024,
    pciHole64Bytes: hole === undefined ? undefined : sizeInBytes(hole),
    startPort: whole(child(element, 'master'), 'startport'),
    ports: whole(element, 'ports'),
    vectors: whole(element, 'vectors'),
    queues: whole(driver, 'queues'),
    cmdPerLun: whole(driver, 'cmd_per_lun'),
    maxSectors: whole(driver, 'max_sectors'),
    ioeventfd: flag(driver, 'ioeventfd'),
    iothread: whole(driver, 'iothread'),
    iothreadMap: readIothreadMap(driver),
    virtio: readVirtioOptions(element, model),
  }
}

function portNumber(target: Element | undefined): number | undefined {
  const port = attribute(target, 'port')
  if (target === undefined || port === undefined) return undefined
  const number = parseWhole(port)
  if (number === undefined || number > 255) {
    throw invalid(
      attributeNode(target, 'port'),
      `the port must be between 0 and 255, got "${port}"`,
    )
  }
  return number
}
