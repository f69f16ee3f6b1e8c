import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  child,
  children,
  requiredAttribute,
  requiredChild,
  sizeInBytes,
  whole,
} from '../../access.ts'
import { DISK_FORMATS } from '../../disk-words.ts'
import { invalid } from '../../location.ts'
import { pciName } from '../devices/host-device.ts'
import { type NetworkSource, readNetworkSource } from '../network-disk.ts'
import { readSecret, type Secret } from '../secret.ts'

/** One layer of a disk's chain: a file, a device or something on another machine, in one format. */
export type DiskLayer = LayerParts & LayerSource

export type LayerSource =
  /** A file, a block device, a directory that appears as a FAT file system. */
  | { readonly type: 'file' | 'block' | 'dir'; readonly path: string }
  | { readonly type: 'network'; readonly network: NetworkSource }
  /** A device of the kernel whose hardware is the disk. */
  | { readonly type: 'vhostvdpa'; readonly device: string }
  /** A namespace of an NVMe controller that QEMU drives itself. */
  | { readonly type: 'nvme'; readonly controller: string; readonly namespace: number }

interface LayerParts {
  readonly format: DiskFormat
  /** Its backing layer, as for the disk itself. */
  readonly backing: DiskLayer | 'none' | undefined
  readonly encryption: DiskEncryption | undefined
  /** The part of the file that is the layer, in bytes. */
  readonly slice: { readonly offset: number; readonly size: number } | undefined
  /** The file with the data of a qcow2 file. */
  readonly dataStore: DiskLayer | undefined
  /** The size of qcow2's cache of metadata. */
  readonly metadataCacheBytes: number | undefined
  /** The program that makes reservations on a SCSI device: one at a socket, or `managed`, which is started with QEMU. */
  readonly reservations: { readonly path: string } | 'managed' | undefined
}

/** QEMU's drivers for formats of disks. */
export type DiskFormat = (typeof DISK_FORMATS)[number]

export interface DiskEncryption {
  readonly format: string
  /** Who encrypts: QEMU, or the library of Ceph. */
  readonly engine: 'qemu' | 'librbd'
  /** That of each layer of an image of Ceph, the uppermost first; otherwise one. */
  readonly secrets: readonly [Secret, ...Secret[]]
}

/** The path of a layer on this host; `undefined` when it is elsewhere. */
export function localPath(layer: DiskLayer): string | undefined {
  return 'path' in layer ? layer.path : undefined
}

/** The `<source>` of a disk or of one of its layers; `undefined` when there is no medium. */
export function readDiskSource(
  element: Element,
  driver: Element | undefined,
): DiskLayer | undefined {
  const source = child(element, 'source')
  const found = source === undefined ? undefined : readSource(source, element)
  if (source === undefined || found === undefined) return undefined
  const format = attribute(driver, 'type') ?? 'raw'
  const cache = child(child(driver, 'metadata_cache'), 'max_size')
  const store = child(source, 'dataStore')
  return {
    ...found,
    // A directory is presented as a raw disk.
    format: DISK_FORMATS.find((one) => one === format) ?? 'raw',
    backing: readBackingStore(element),
    encryption: readEncryption(inOnePlace('encryption', source, element)),
    slice: readSlice(child(child(source, 'slices'), 'slice')),
    dataStore: store === undefined ? undefined : readDiskSource(store, child(store, 'format')),
    metadataCacheBytes: cache === undefined ? undefined : sizeInBytes(cache, undefined, 'bytes'),
    reservations: readReservations(child(source, 'reservations')),
  }
}

function readReservations(element: Element | undefined): DiskLayer['reservations'] {
  if (element === undefined) return undefined
  if (attribute(element, 'managed') === 'yes') return 'managed'
  return { path: requiredAttribute(requiredChild(element, 'source'), 'path') }
}

const PATH_ATTRIBUTE = { file: 'file', block: 'dev', dir: 'dir' } as const

function readSource(source: Element, element: Element): LayerSource | undefined {
  const type = (attribute(element, 'type') ?? 'file') as LayerSource['type'] | 'vhostuser'
  if (type === 'vhostuser') return undefined
  if (type === 'vhostvdpa') return { type, device: requiredAttribute(source, 'dev') }
  if (type === 'network')
    return { type, network: readNetworkSource(source, inOnePlace('auth', source, element)) }
  if (type === 'nvme') {
    return { type, controller: pciName(source), namespace: whole(source, 'namespace') ?? 1 }
  }
  const name = PATH_ATTRIBUTE[type]
  const path = attribute(source, name)
  if (path !== undefined && path !== '') return { type, path }
  if (Object.values(PATH_ATTRIBUTE).some((other) => attribute(source, other) !== undefined))
    throw invalid(source, `a disk of type "${type}" needs the attribute "${name}"`)
  return undefined
}

/** A part that newer XML has in the source, and older XML beside it. */
function inOnePlace(name: string, source: Element, disk: Element): Element | undefined {
  const [newer, older] = [child(source, name), child(disk, name)]
  if (newer !== undefined && older !== undefined)
    throw invalid(older, `<source> also has <${name}>`)
  return newer ?? older
}

function readEncryption(element: Element | undefined): DiskEncryption | undefined {
  if (element === undefined) return undefined
  const engine = attribute(element, 'engine') === 'librbd' ? 'librbd' : 'qemu'
  const [first, ...others] = children(element, 'secret')
  if (engine === 'qemu' && others[0] !== undefined)
    throw invalid(others[0], 'only the engine "librbd" has several layers of encryption')
  return {
    format: requiredAttribute(element, 'format'),
    engine,
    secrets: [readSecret(first, element), ...others.map((one) => readSecret(one, element))],
  }
}

function readSlice(element: Element | undefined): DiskLayer['slice'] {
  if (element === undefined) return undefined
  return { offset: whole(element, 'offset') ?? 0, size: whole(element, 'size') ?? 0 }
}

/** The `<backingStore>` of a disk or layer. An empty one ends the chain; without one the file's own header decides. */
export function readBackingStore(element: Element): DiskLayer | 'none' | undefined {
  const store = child(element, 'backingStore')
  if (store === undefined) return undefined
  if (children(store).length === 0) return 'none'
  const format = child(store, 'format')
  if (attribute(format, 'type') === undefined)
    throw invalid(store, 'the element <format> is missing')
  const layer = readDiskSource(store, format)
  if (layer === undefined) throw invalid(store, 'the layer has no source')
  return layer
}
