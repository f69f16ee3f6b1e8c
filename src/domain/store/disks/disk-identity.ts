import { fieldsOf } from '../../../io/records/record-file.ts'
import { stat } from 'node:fs/promises'
import { storageError } from '../../../io/storage-error.ts'
import { isAbsence } from '../../../io/files/file-names.ts'
import { type DiskLayer, localPath } from '../../../qemu/domain-xml/model/storage/disk-source.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import { contentSample } from './content-sample.ts'

/** Shows whether a disk has changed: facts of the file system, and a sample of the content. */
export interface DiskIdentity {
  /** `vda`, or the path for a file without such a name. */
  readonly target: string
  readonly path: string
  readonly sizeBytes: number
  /** Nanoseconds since 1970, as text; `0` for a block device, whose node has no useful time. */
  readonly modifiedNs: string
  /** A digest of parts of the content that a guest changes when it runs; absent when the file cannot be read. */
  readonly content?: string | undefined
}

/** Whether a value that a file contains is the identity of a disk. */
export function isDiskIdentity(value: unknown): value is DiskIdentity {
  const { target, path, sizeBytes, modifiedNs, content } = fieldsOf(value) ?? {}
  return (
    typeof target === 'string' &&
    typeof path === 'string' &&
    typeof sizeBytes === 'number' &&
    typeof modifiedNs === 'string' &&
    /^-?\d{1,30}$/.test(modifiedNs) &&
    (content === undefined || typeof content === 'string')
  )
}

/** The place of a disk. */
export type DiskPlace = Pick<DiskIdentity, 'target' | 'path'>

/** The files and block devices that a guest writes to, and their backing files: the overlays of a clone depend on these. */
export function writableDisks(domain: Domain): readonly DiskPlace[] {
  return domain.disks
    .filter(({ readonly }) => !readonly)
    .flatMap(({ target, source }) =>
      chainOf(source).flatMap((layer) => {
        const path = localPath(layer)
        return path === undefined ? [] : [{ target, path }]
      }),
    )
}

function chainOf(layer: DiskLayer | undefined): readonly DiskLayer[] {
  if (layer === undefined) return []
  const { backing, dataStore } = layer
  return [layer, ...chainOf(dataStore), ...chainOf(backing === 'none' ? undefined : backing)]
}

/**
 * The targets of writable disks whose writes `changeOfDisks` may miss: disks that are not files of this host, and block devices, whose nodes do not show
 * when they were written to.
 */
export async function uncheckableDisks(domain: Domain): Promise<readonly string[]> {
  const places = writableDisks(domain)
  const identities = await identifyDisks(places)
  const withTime = (path: string): boolean =>
    identities.some((one) => one.path === path && one.modifiedNs !== '0')
  return domain.disks
    .filter(
      ({ readonly, source, vhostUser }) =>
        !readonly && (source !== undefined || vhostUser !== undefined),
    )
    .filter(({ source }) => {
      const path = source === undefined ? undefined : localPath(source)
      return path === undefined || !withTime(path)
    })
    .map(({ target }) => target)
}

/** Reads the identity of disks; omits those that do not exist. */
export async function identifyDisks(disks: readonly DiskPlace[]): Promise<readonly DiskIdentity[]> {
  const found = await Promise.all(disks.map(({ target, path }) => identify(target, path)))
  return found.filter((disk) => disk !== undefined)
}

/**
 * Describes how the disks of a guest have changed since; `undefined` when they have not. Each disk is compared with the present one of the same
 * target, at any path: an image may be restored with its disks at other paths.
 */
export async function changeOfDisks(
  then: readonly DiskIdentity[],
  now: readonly DiskPlace[],
): Promise<string | undefined> {
  for (const [target, before] of byTarget(then)) {
    const places = now.filter((place) => place.target === target)
    // The files of one target are in the order of the backing chain, the disk itself first; a clone has an overlay on top.
    const added = Math.max(0, places.length - before.length)
    for (const [layer, old] of before.entries()) {
      const place = places.find(({ path }) => path === old.path) ?? places[added + layer]
      if (place === undefined) continue
      const change = changeOf(old, await identify(place.target, place.path), place)
      if (change !== undefined) return change
    }
  }
  return undefined
}

/** The time between the end of a guest, whose QEMU may still write to its disks, and that of its image. */
const END_NS = 10_000_000_000n

/**
 * Describes which disk was written to well after a file; `undefined` when none was. For an image of another program, which records nothing about
 * disks. @throws StorageError
 */
export async function changedAfter(
  disks: readonly DiskPlace[],
  path: string,
): Promise<string | undefined> {
  const { mtimeNs } = await stat(path, { bigint: true })
  const now = await identifyDisks(disks)
  const later = now.find(({ modifiedNs }) => BigInt(modifiedNs) > mtimeNs + END_NS)
  return (
    later &&
    `its disk ${later.target} (${later.path}) was written to at ${timeText(later.modifiedNs)}`
  )
}

function byTarget(disks: readonly DiskIdentity[]): ReadonlyMap<string, readonly DiskIdentity[]> {
  return Map.groupBy(disks, ({ target }) => target)
}

function changeOf(
  old: DiskIdentity,
  now: DiskIdentity | undefined,
  { target, path }: DiskPlace,
): string | undefined {
  const disk = `its disk ${target} (${path})`
  if (now === undefined) return `${disk} is gone`
  if (now.sizeBytes !== old.sizeBytes)
    return `${disk} has ${now.sizeBytes} bytes, not ${old.sizeBytes}`
  if (!isSameTime(old.modifiedNs, now.modifiedNs))
    return `${disk} was written to at ${timeText(now.modifiedNs)}`
  if (old.content !== undefined && now.content !== undefined && old.content !== now.content)
    return `${disk} has different content, although its time is the same`
  return undefined
}

/** Copies keep times to the nanosecond, or, as `scp -p` and `tar` do, to the second. */
function isSameTime(old: string, now: string): boolean {
  const second = 1_000_000_000n
  const [before, after] = [BigInt(old), BigInt(now)]
  return before === after || (after % second === 0n && after === before - (before % second))
}

async function identify(target: string, path: string): Promise<DiskIdentity | undefined> {
  const facts = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (isAbsence(error) || isRefusal(error)) return undefined
    throw storageError('look at the disk', path, error)
  })
  if (facts === undefined) return undefined
  return {
    target,
    path,
    sizeBytes: Number(facts.size),
    modifiedNs: facts.isFile() ? String(facts.mtimeNs) : '0',
    content: await contentSample(path),
  }
}

/** A disk that we may not look at was not there for the save either. */
function isRefusal(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EACCES'
}

function timeText(nanoseconds: string): string {
  const date = new Date(Number(BigInt(nanoseconds) / 1_000_000n))
  // A file system may hold years that a date does not.
  return Number.isNaN(date.getTime()) ? `${nanoseconds} ns since 1970` : date.toISOString()
}
