import { DomainXmlError } from '../../errors.ts'
import type { Disk, DiskCache } from '../domain-xml/model/disk.ts'
import type { DiskLayer } from '../domain-xml/model/disk-source.ts'
import type { CommandLineOptions } from './options.ts'
import { blockdev, type JsonValue } from './arguments.ts'

/** The meaning of a cache mode: whether the guest sees a write cache, the host's page cache is used, flushes are ignored. */
export interface CacheFlags {
  readonly writeCache: boolean
  readonly direct: boolean
  readonly noFlush: boolean
}

const CACHES: Readonly<Record<DiskCache, CacheFlags>> = {
  none: { writeCache: true, direct: true, noFlush: false },
  writethrough: { writeCache: false, direct: false, noFlush: false },
  writeback: { writeCache: true, direct: false, noFlush: false },
  directsync: { writeCache: false, direct: true, noFlush: false },
  unsafe: { writeCache: true, direct: false, noFlush: true },
}

/** QEMU's flags for a cache mode; QEMU's manual explains them under `-drive cache=`. */
export function cacheFlags(cache: DiskCache | undefined): CacheFlags | undefined {
  return cache === undefined ? undefined : CACHES[cache]
}

/** The name of the node for the device of the disk at that position in the XML. */
export function diskNodeName(index: number): string {
  return `libvirt-${index + 1}-format`
}

/** The block nodes of a disk, from the bottom of its chain to the node that the device uses. */
export function diskNodes(
  disk: Disk,
  index: number,
  options: CommandLineOptions,
): readonly string[] {
  if (disk.source === undefined) return []
  if (disk.io === 'native' && cacheFlags(disk.cache)?.direct !== true) {
    throw new DomainXmlError(
      'XML_INVALID',
      `${disk.place}/driver: io="native" needs cache="none" or cache="directsync"`,
    )
  }
  const optical = options.opticalDrives?.has(disk.source.path) === true && disk.device === 'cdrom'
  return layerNodes(disk, disk.source, `libvirt-${index + 1}`, { top: true, optical })
}

function layerNodes(
  disk: Disk,
  layer: DiskLayer,
  name: string,
  { top, optical }: { readonly top: boolean; readonly optical: boolean },
): readonly string[] {
  const below = layer.backing
  const lower = typeof below === 'object' ? `${name}-b` : undefined
  const flags = cacheFlags(disk.cache)
  const cache =
    flags === undefined ? undefined : { direct: flags.direct, 'no-flush': flags.noFlush }
  const storage = `${name}-storage`
  return [
    ...(typeof below === 'object'
      ? layerNodes(disk, below, `${name}-b`, { top: false, optical: false })
      : []),
    ...blockdev({
      driver: layer.type === 'file' ? 'file' : optical ? 'host_cdrom' : 'host_device',
      filename: layer.path,
      aio: disk.io,
      'node-name': storage,
      cache,
      'auto-read-only': true,
      discard: 'unmap',
    }),
    ...blockdev({
      'node-name': `${name}-format`,
      'read-only': top ? disk.readonly : true,
      discard: top ? discard(disk) : undefined,
      'detect-zeroes': top ? detectZeroes(disk) : undefined,
      'discard-no-unref': top ? disk.discardNoUnref : undefined,
      cache,
      driver: layer.format,
      file: storage,
      backing: backing(layer, lower),
    }),
  ]
}

/** A qcow2 file's header names its backing file; an entry in the XML has priority. */
function backing(layer: DiskLayer, lower: string | undefined): JsonValue | undefined {
  if (layer.format === 'raw') return undefined
  if (lower !== undefined) return `${lower}-format`
  return layer.backing === 'none' ? null : undefined
}

function discard(disk: Disk): string | undefined {
  if (disk.discard !== undefined) return disk.discard
  return disk.detectZeroes === 'unmap' ? 'unmap' : undefined
}

/** Zeroes can be unmapped only where discard is on; libvirt falls back to `on` in the same way. */
function detectZeroes(disk: Disk): string | undefined {
  if (disk.detectZeroes === 'unmap' && disk.discard === 'ignore') return 'on'
  return disk.detectZeroes
}
