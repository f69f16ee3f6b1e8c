import { join } from 'node:path'
import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { Disk, DiskCache } from '../../domain-xml/model/storage/disk.ts'
import { type DiskLayer, localPath } from '../../domain-xml/model/storage/disk-source.ts'
import { type Secret, secretKey } from '../../domain-xml/model/secret.ts'
import type { CommandLineOptions } from '../options.ts'
import { blockdev, type JsonValue, object, type Properties } from '../arguments.ts'
import { type SecretNames, storageProperties } from './disk-storage.ts'
import { throttleId } from './throttle.ts'

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

/** The name of the node that the device uses. */
export function diskNodeName(disk: Disk, index: number): string {
  const base = `libvirt-${index + 1}-format`
  const copied = disk.copyOnRead ? `libvirt-CoR-${disk.target}` : base
  return disk.throttleGroups.length === 0
    ? copied
    : filterName(index, disk.throttleGroups.length - 1)
}

function filterName(index: number, at: number): string {
  return `libvirt-${index + 1}-filter${at}`
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
  const path = localPath(disk.source)
  const optical =
    path !== undefined && options.opticalDrives?.has(path) === true && disk.device === 'cdrom'
  const name = `libvirt-${index + 1}`
  return [
    ...layerNodes(disk, disk.source, name, { top: true, optical, options }),
    ...filterNodes(disk, index),
  ]
}

/** Nodes between the disk and its device: data that was read is copied up, transfers are limited together with other disks. */
function filterNodes(disk: Disk, index: number): readonly string[] {
  const bottom = `libvirt-${index + 1}-format`
  const copied = `libvirt-CoR-${disk.target}`
  const below = disk.copyOnRead ? copied : bottom
  return [
    ...(disk.copyOnRead
      ? blockdev({ driver: 'copy-on-read', 'node-name': copied, file: bottom, discard: 'unmap' })
      : []),
    ...disk.throttleGroups.flatMap((group, at) =>
      blockdev({
        driver: 'throttle',
        'node-name': filterName(index, at),
        'throttle-group': throttleId(group),
        file: at === 0 ? below : filterName(index, at - 1),
      }),
    ),
  ]
}

/** The name of the program that is started with QEMU. */
const MANAGED = 'pr-helper0'

/** Where the program listens that makes reservations for a machine, and is started with its QEMU. */
export function reservationSocket(directory: string): string {
  return join(directory, 'pr-helper.sock')
}

/** Whether a disk needs that program. */
export function needsReservations({ source }: Disk): boolean {
  return source?.reservations === 'managed'
}

/** The connection to that program, where the machine needs it. */
export function reservationArguments(
  { disks }: Domain,
  { socketDirectory = '/run' }: CommandLineOptions,
): readonly string[] {
  if (!disks.some(needsReservations)) return []
  const path = reservationSocket(socketDirectory)
  return object({ 'qom-type': 'pr-manager-helper', id: MANAGED, path })
}

function layerNodes(
  disk: Disk,
  layer: DiskLayer,
  name: string,
  at: { readonly top: boolean; readonly optical: boolean; readonly options: CommandLineOptions },
): readonly string[] {
  const { top, optical, options } = at
  const { backing: below, dataStore, slice, reservations } = layer
  const lower = typeof below === 'object' ? `${name}-b` : undefined
  const flags = cacheFlags(disk.cache)
  const cache =
    flags === undefined ? undefined : { direct: flags.direct, 'no-flush': flags.noFlush }
  const storage = `${name}-storage`
  const secrets = {
    auth: `${storage}-auth-secret0`,
    cookies: `${storage}-httpcookie-secret0`,
    encryption: `${name}-format-encryption-secret`,
    tls: `obj${storage}_tls0`,
  }
  const manager = reservationManager(layer, storage)
  const layers = { top: false, optical: false, options }
  return [
    ...(typeof below === 'object' ? layerNodes(disk, below, `${name}-b`, layers) : []),
    ...(dataStore === undefined
      ? []
      : layerNodes(disk, dataStore, `${name}-data`, { ...layers, top })),
    ...secretObjects(layer, secrets, options),
    ...(typeof reservations === 'object'
      ? object({ 'qom-type': 'pr-manager-helper', id: manager, path: reservations.path })
      : []),
    ...blockdev({
      ...storageProperties(layer, {
        ...{ optical, secrets, place: disk.place },
        floppy: disk.device === 'floppy',
        writable: top && !disk.readonly,
      }),
      aio: layer.type === 'file' || layer.type === 'block' ? disk.io : undefined,
      'pr-manager': manager,
      'node-name': storage,
      cache,
      'auto-read-only': true,
      discard: 'unmap',
    }),
    ...sliceNode(slice, name, storage),
    ...blockdev({
      'node-name': `${name}-format`,
      'read-only': top ? disk.readonly : true,
      discard: top ? discard(disk) : undefined,
      'detect-zeroes': top ? detectZeroes(disk) : undefined,
      'discard-no-unref': top ? disk.discardNoUnref : undefined,
      cache,
      ...formatProperties(layer, secrets.encryption, disk.place),
      'cache-size': layer.metadataCacheBytes,
      'data-file': dataStore === undefined ? undefined : `${name}-data-format`,
      file: slice === undefined ? storage : `${name}-slice-sto`,
      backing: backing(layer, lower),
    }),
  ]
}

function reservationManager({ reservations }: DiskLayer, storage: string): string | undefined {
  if (reservations === undefined) return undefined
  return reservations === 'managed' ? MANAGED : `pr-helper-${storage}`
}

/** The part of a file that is the disk, if it is not all of it. */
function sliceNode(slice: DiskLayer['slice'], name: string, storage: string): readonly string[] {
  if (slice === undefined) return []
  return blockdev({
    driver: 'raw',
    file: storage,
    ...slice,
    'node-name': `${name}-slice-sto`,
    'auto-read-only': true,
    discard: 'unmap',
  })
}

/** An encrypted raw disk has a format of its own; qcow2 encrypts its clusters. */
function formatProperties(
  { format, encryption }: DiskLayer,
  secret: string,
  place: string,
): Properties {
  if (encryption?.engine !== 'qemu') return { driver: format }
  if (format !== 'raw' && format !== 'qcow2')
    throw new DomainXmlError(
      'XML_INVALID',
      `${place}: a disk of format ${format} has no encryption`,
    )
  const key = `${secret}0`
  if (format === 'raw') return { driver: 'luks', 'key-secret': key }
  return { driver: format, encrypt: { format: encryption.format, 'key-secret': key } }
}

/** Secrets reach QEMU in files that it inherits, so that no command line shows them. */
function secretObjects(
  { encryption, ...layer }: DiskLayer,
  names: SecretNames,
  options: CommandLineOptions,
): readonly string[] {
  const network = layer.type === 'network' ? layer.network : undefined
  return [
    ...(network?.tls === true ? certificates(names.tls) : []),
    ...secretObject(names.auth, network?.auth?.secret, options),
    ...secretObject(names.cookies, cookieSecret(network?.cookies), options),
    ...(encryption?.secrets ?? []).flatMap((secret, at) =>
      secretObject(`${names.encryption}${at}`, secret, options),
    ),
  ]
}

/** A secret as an object of QEMU; nothing if there is none. */
export function secretObject(
  id: string,
  secret: Secret | undefined,
  { secretFiles }: Pick<CommandLineOptions, 'secretFiles'>,
): readonly string[] {
  if (secret === undefined) return []
  return object({ 'qom-type': 'secret', id, file: secretFiles?.get(secretKey(secret)) ?? NO_FILE })
}

/** libvirt's `nbd_tls_x509_cert_dir`. */
const DISK_CERTIFICATES = '/etc/pki/libvirt-nbd'

function certificates(id: string): readonly string[] {
  return object({
    'qom-type': 'tls-creds-x509',
    id,
    dir: DISK_CERTIFICATES,
    endpoint: 'client',
    'verify-peer': true,
  })
}

/** For a command line that nobody runs. */
const NO_FILE = '/dev/null'

/** The secrets of a disk. */
export function secretsOf(layer: DiskLayer | 'none' | undefined): readonly Secret[] {
  if (layer === undefined || layer === 'none') return []
  const network = layer.type === 'network' ? layer.network : undefined
  const own = [
    network?.auth?.secret,
    cookieSecret(network?.cookies),
    ...(layer.encryption?.secrets ?? []),
  ]
  return [
    ...own.filter((secret) => secret !== undefined),
    ...secretsOf(layer.backing),
    ...secretsOf(layer.dataStore),
  ]
}

function cookieSecret(cookies: string | undefined): Secret | undefined {
  return cookies === undefined ? undefined : { text: cookies }
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
