import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  child,
  children,
  childText,
  flag,
  requiredAttribute,
  requiredChild,
  whole,
} from '../../access.ts'
import { invalid } from '../../location.ts'
import { type Device, readDevice, readVirtioOptions, type VirtioOptions } from '../buses/device.ts'
import { readLimits } from './limits.ts'
import { UNKNOWN_SOURCE } from '../../disk-words.ts'
import { type DiskLayer, readBackingStore, readDiskSource } from './disk-source.ts'
import { type IothreadMap, readIothreadMap } from '../buses/iothread-map.ts'
import { readVhostUser, type VhostUserSocket } from '../characters/vhost-user.ts'

export type DiskBus = 'virtio' | 'sata' | 'ide' | 'scsi' | 'usb' | 'fdc'
export type DiskCache = 'none' | 'writethrough' | 'writeback' | 'directsync' | 'unsafe'

/** A disk, CD-ROM or floppy drive. */
export interface Disk extends Device {
  readonly device: 'disk' | 'cdrom' | 'floppy' | 'lun'
  readonly bus: DiskBus
  /** `vda`: libvirt's name for it, which identifies it. */
  readonly target: string
  /** Absent when a drive has no medium, and when another process is the disk. */
  readonly source: DiskLayer | undefined
  /** The process that is the disk. */
  readonly vhostUser: VhostUserSocket | undefined
  /** Whether its content is as before when the domain ends. */
  readonly transient: boolean
  /** The backing of a qcow2 file: `undefined` leaves it to the file's own header, `'none'` means none. */
  readonly backing: DiskLayer | 'none' | undefined
  readonly readonly: boolean
  readonly shareable: boolean
  readonly cache: DiskCache | undefined
  readonly io: string | undefined
  readonly discard: string | undefined
  readonly discardNoUnref: boolean | undefined
  readonly detectZeroes: string | undefined
  readonly errorPolicy: string | undefined
  readonly readErrorPolicy: string | undefined
  readonly ioeventfd: boolean | undefined
  readonly eventIdx: boolean | undefined
  readonly iothread: number | undefined
  readonly iothreadMap: IothreadMap
  readonly copyOnRead: boolean
  /** Limits of the disk alone, or of all disks of a group, by the names of QEMU's command `block_set_io_throttle`. */
  readonly limits: Readonly<Record<string, number | string>> | undefined
  /** Groups with limits, from the disk upwards. */
  readonly throttleGroups: readonly string[]
  readonly queues: number | undefined
  readonly queueSize: number | undefined
  readonly removable: boolean | undefined
  readonly rotationRate: number | undefined
  readonly serial: string | undefined
  readonly wwn: string | undefined
  readonly vendor: string | undefined
  readonly product: string | undefined
  readonly blockSize: {
    readonly logical?: number | undefined
    readonly physical?: number | undefined
    readonly discard?: number | undefined
  }
  readonly geometry: DiskGeometry | undefined
  readonly virtio: VirtioOptions
}

export interface DiskGeometry {
  readonly cylinders: number
  readonly heads: number
  readonly sectors: number
  readonly translation: string | undefined
}

/** Reads a `<disk>`. */
export function readDisk(element: Element): Disk {
  const driver = child(element, 'driver')
  const target = requiredChild(element, 'target')
  const dev = requiredAttribute(target, 'dev')
  const device = (attribute(element, 'device') ?? 'disk') as Disk['device']
  const cache = attribute(driver, 'cache')
  const blockio = child(element, 'blockio')
  const source = readDiskSource(element, driver)
  const vhostUser =
    attribute(element, 'type') === 'vhostuser'
      ? readVhostUser(requiredChild(element, 'source'))
      : undefined
  const isKnown = attribute(element, 'type') !== UNKNOWN_SOURCE
  const needsSource = isKnown && (device === 'disk' || device === 'lun')
  if (source === undefined && vhostUser === undefined && needsSource)
    throw invalid(element, 'the disk has no source')
  if (device === 'lun' && isKnown) checkLun(element, source)
  const limits = child(element, 'iotune')
  if (limits !== undefined && child(element, 'throttlefilters') !== undefined)
    throw invalid(limits, 'a disk with <throttlefilters> has its limits from them: remove it')
  return {
    ...readDevice(element),
    device,
    bus: (attribute(target, 'bus') ?? busByName(target, dev, device)) as DiskBus,
    target: dev,
    source,
    vhostUser,
    transient: child(element, 'transient') !== undefined,
    backing: readBackingStore(element),
    readonly: child(element, 'readonly') !== undefined || device === 'cdrom',
    shareable: child(element, 'shareable') !== undefined,
    cache: cache === 'default' ? undefined : (cache as DiskCache | undefined),
    io: attribute(driver, 'io'),
    discard: attribute(driver, 'discard'),
    discardNoUnref: flag(driver, 'discard_no_unref'),
    detectZeroes: attribute(driver, 'detect_zeroes'),
    errorPolicy: attribute(driver, 'error_policy'),
    readErrorPolicy: attribute(driver, 'rerror_policy'),
    ioeventfd: flag(driver, 'ioeventfd'),
    eventIdx: flag(driver, 'event_idx'),
    iothread: whole(driver, 'iothread'),
    iothreadMap: readIothreadMap(driver),
    copyOnRead: flag(driver, 'copy_on_read') === true,
    limits: readLimits(limits),
    throttleGroups: readThrottleFilters(child(element, 'throttlefilters')),
    queues: whole(driver, 'queues'),
    queueSize: whole(driver, 'queue_size'),
    removable: flag(target, 'removable'),
    rotationRate: whole(target, 'rotation_rate'),
    serial: childText(element, 'serial'),
    wwn: childText(element, 'wwn'),
    vendor: childText(element, 'vendor'),
    product: childText(element, 'product'),
    blockSize: {
      logical: whole(blockio, 'logical_block_size'),
      physical: whole(blockio, 'physical_block_size'),
      discard: whole(blockio, 'discard_granularity'),
    },
    geometry: readGeometry(child(element, 'geometry')),
    virtio: readVirtioOptions(element, attribute(element, 'model')),
  }
}

/** The bus that libvirt derives from a disk's name where the XML has none. */
export function busByName(target: Element, dev: string, device: Disk['device']): DiskBus {
  if (device === 'floppy' || dev.startsWith('fd')) return 'fdc'
  if (dev.startsWith('hd')) return 'ide'
  if (dev.startsWith('sd')) return 'scsi'
  if (dev.startsWith('vd')) return 'virtio'
  throw invalid(target, `the bus of "${dev}" is unknown`, 'Give it, for example bus="virtio"')
}

function readGeometry(element: Element | undefined): DiskGeometry | undefined {
  const cylinders = whole(element, 'cyls')
  const heads = whole(element, 'heads')
  const sectors = whole(element, 'secs')
  if (cylinders === undefined || heads === undefined || sectors === undefined) return undefined
  return { cylinders, heads, sectors, translation: attribute(element, 'trans') }
}

function readThrottleFilters(element: Element | undefined): readonly string[] {
  if (element === undefined) return []
  return children(element, 'throttlefilter').map((filter) => requiredAttribute(filter, 'group'))
}

/** Commands of the guest reach a device only. */
function checkLun(element: Element, source: DiskLayer | undefined): void {
  const isDevice =
    source?.type === 'block' || (source?.type === 'network' && source.network.protocol === 'iscsi')
  if (!isDevice || source.format !== 'raw')
    throw invalid(element, 'a disk of device "lun" must be a raw block device, or iSCSI')
}
