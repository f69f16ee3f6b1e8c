import { DomainXmlError } from '../../../errors.ts'
import { diskNumber } from '../../domain-xml/disk-name.ts'
import type { Disk } from '../../domain-xml/model/storage/disk.ts'
import { device, type Properties } from '../arguments.ts'
import { bootIndexes } from '../boot.ts'
import { vhostUserSocket } from '../characters/chardev.ts'
import { cacheFlags, diskNodeName, diskNodes } from './disk-nodes.ts'
import { driveId, driveProperties } from './drive-address.ts'
import { iothreadMapping } from '../buses/iothread-mapping.ts'
import type { CommandLineOptions } from '../options.ts'
import { virtioDevice } from '../buses/virtio.ts'
import type { Wiring } from '../buses/wiring.ts'

/** Disks, CD-ROMs and floppies: their block nodes, then their devices. */
export function diskArguments(wiring: Wiring, options: CommandLineOptions): readonly string[] {
  const boot = bootIndexes(wiring.domain)
  return wiring.domain.disks.flatMap((disk, index) =>
    disk.vhostUser === undefined
      ? [
          ...diskNodes(disk, index, options),
          ...device(deviceProperties(disk, index, boot.get(disk), { wiring, options })),
        ]
      : [
          ...vhostUserSocket(disk.vhostUser, vhostUserId(disk, wiring), options),
          ...device(vhostUserProperties(disk, boot.get(disk), wiring)),
        ],
  )
}

function vhostUserId(disk: Disk, wiring: Wiring): string {
  return `chr-vu-${idOf(disk, wiring)}`
}

/** Another process has the content and all properties of such a disk. */
function vhostUserProperties(
  disk: Disk,
  bootindex: number | undefined,
  wiring: Wiring,
): Properties {
  return {
    ...virtioDevice('vhost-user-blk', disk.virtio),
    'num-queues': disk.queues,
    'queue-size': disk.queueSize,
    ...wiring.address(disk),
    chardev: vhostUserId(disk, wiring),
    id: idOf(disk, wiring),
    bootindex,
  }
}

interface Surroundings {
  readonly wiring: Wiring
  readonly options: CommandLineOptions
}

function deviceProperties(
  disk: Disk,
  index: number,
  bootindex: number | undefined,
  { wiring, options }: Surroundings,
): Properties {
  const flags = cacheFlags(disk.cache)
  return {
    ...busProperties(disk, { wiring, options }),
    'share-rw': disk.shareable ? true : undefined,
    drive: disk.source === undefined ? undefined : diskNodeName(disk, index),
    id: idOf(disk, wiring),
    bootindex: disk.bus === 'fdc' ? undefined : bootindex,
    logical_block_size: disk.blockSize.logical,
    physical_block_size: disk.blockSize.physical,
    discard_granularity: disk.blockSize.discard,
    wwn: disk.wwn === undefined ? undefined : worldWideName(disk),
    rotation_rate: disk.rotationRate,
    vendor: disk.vendor,
    ...productName(disk),
    removable: removable(disk),
    'write-cache': flags === undefined ? undefined : flags.writeCache ? 'on' : 'off',
    ...geometry(disk),
    serial: disk.serial?.replaceAll(' ', '\\ '),
    werror: errorPolicy(disk.errorPolicy),
    rerror: disk.readErrorPolicy ?? readPolicy(disk.errorPolicy),
  }
}

/** QEMU calls it `model` on IDE and SATA disks. */
function productName({ bus, product }: Disk): Properties {
  return bus === 'ide' || bus === 'sata' ? { model: product } : { product }
}

/** A USB disk is removable only if the XML says it; a SCSI disk leaves it to QEMU. */
function removable({ bus, device, removable: wanted }: Disk): boolean | undefined {
  if (bus === 'usb') return wanted ?? false
  return bus === 'scsi' && device === 'disk' ? wanted : undefined
}

function busProperties(disk: Disk, { wiring, options }: Surroundings): Properties {
  const drive = disk.device === 'cdrom' ? 'cd' : 'hd'
  switch (disk.bus) {
    case 'virtio':
      if (disk.device !== 'disk' && disk.device !== 'lun') throw misplaced(disk)
      return {
        ...virtioDevice('virtio-blk', disk.virtio),
        scsi: disk.device === 'lun' ? true : undefined,
        iothread: disk.iothread === undefined ? undefined : `iothread${disk.iothread}`,
        'iothread-vq-mapping': iothreadMapping(disk.iothreadMap, 9, options),
        ioeventfd: disk.ioeventfd,
        event_idx: disk.eventIdx,
        'num-queues': disk.queues,
        'queue-size': disk.queueSize,
        ...wiring.address(disk),
      }
    case 'sata':
    case 'ide':
      if (disk.device === 'lun') throw misplaced(disk)
      return { driver: `ide-${drive}`, ...driveProperties(disk, wiring) }
    case 'scsi':
      if (disk.device === 'lun') return { driver: 'scsi-block', ...driveProperties(disk, wiring) }
      return {
        driver: `scsi-${drive}`,
        ...driveProperties(disk, wiring),
        device_id: disk.serial ?? `drive-${idOf(disk, wiring)}`,
      }
    case 'usb':
      return { driver: 'usb-storage', ...wiring.address(disk) }
    case 'fdc':
      if (disk.device !== 'floppy') throw misplaced(disk)
      return { driver: 'floppy', ...driveProperties(disk, wiring) }
  }
}

function misplaced(disk: Disk): DomainXmlError {
  return new DomainXmlError(
    'XML_INVALID',
    `${disk.place}: a ${disk.device} cannot be on the bus "${disk.bus}"`,
  )
}

function idOf(disk: Disk, wiring: Wiring): string {
  if (disk.bus === 'virtio') return wiring.idOf(disk, `virtio-disk${numberOf(disk)}`)
  if (disk.bus === 'usb') return wiring.idOf(disk, `usb-disk${numberOf(disk)}`)
  return wiring.idOf(disk, driveId(disk, wiring))
}

function numberOf(disk: Disk): number {
  const number = diskNumber(disk.target)
  if (number !== undefined) return number
  throw new DomainXmlError(
    'XML_INVALID',
    `${disk.place}/target: "${disk.target}" is not a valid disk name`,
  )
}

/** Too wide for a `number`. */
function worldWideName(disk: Disk): bigint {
  const digits = (disk.wwn ?? '').replace(/^0x/i, '')
  if (!/^[0-9a-f]{16}$/i.test(digits)) {
    throw new DomainXmlError('XML_INVALID', `${disk.place}/wwn: "${disk.wwn}" is not 16 hex digits`)
  }
  return BigInt(`0x${digits}`)
}

function geometry(disk: Disk): Properties {
  if (disk.geometry === undefined) return {}
  const { cylinders, heads, sectors, translation } = disk.geometry
  return { cyls: cylinders, heads, secs: sectors, 'bios-chs-trans': translation }
}

function errorPolicy(policy: string | undefined): string | undefined {
  return policy === 'enospace' ? 'enospc' : policy
}

/** QEMU supports `enospc` for writes only; libvirt then leaves the policy for reads at its default. */
function readPolicy(policy: string | undefined): string | undefined {
  return policy === 'enospace' ? undefined : policy
}
