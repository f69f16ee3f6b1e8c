import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { checkOptions } from '../store/check-options.ts'
import { ImageError } from '../../errors.ts'
import { FORMATS } from '../../image/format-table.ts'
import type { SaveImageHeader } from '../../image/header.ts'
import { imageSize } from '../../image/image-size.ts'
import { openImage } from '../../image/open-image.ts'
import { type ImageHead, readImageHead } from '../../image/opened-image.ts'
import type { SaveFormat } from '../../image/save-format.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { attribute, child, childText } from '../../qemu/domain-xml/access.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { storedBytes } from '../../transfer/convert/source.ts'
import { type DescribedDevice, describedDevices } from '../../wire/device-description.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { machineOf } from '../../wire/stream-head.ts'
import { type ImageProvenance, readProvenance } from '../cookie/provenance.ts'
import { type LiveMark, liveInCookie } from '../cookie/live-cookie.ts'
import { type Salvage, salvageInCookie } from '../cookie/salvage-cookie.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { addressMap } from './guest-addresses.ts'
import { damageError, damageOf } from './image-damage.ts'
import { type ReadWholeOptions, readWhole } from './read-whole.ts'

/** How to inspect an image. */
export interface ImageInfoOptions extends ReadWholeOptions {
  /** Read everything, whatever the format, and check every checksum. */
  readonly verify?: boolean | undefined
}

/** Memory in an image. */
export interface ImageBlockInfo {
  readonly name: string
  readonly bytes: number
  /** Bytes of the pages that are in the image. */
  readonly dataBytes: number
  readonly zeroBytes: number
}

/** Facts about an image, known without restoring it. */
export interface ImageInfo {
  readonly path: string
  readonly format: SaveFormat
  /** Whether the save that wrote it finished. The optional fields are present only if it did. */
  readonly complete: boolean
  /** Apparent length and disk blocks of all its files. */
  readonly fileBytes: number
  readonly allocatedBytes: number
  readonly wasRunning: boolean
  /** 0: none. */
  readonly channels: number
  readonly compression: string
  readonly domain?: { readonly name: string; readonly uuid: string; readonly arch: string }
  /** The machine type of the device state. */
  readonly machine?: string | undefined
  readonly provenance?: ImageProvenance | undefined
  readonly hasCookie?: boolean
  /** Present if the guest continued after the save (`save --live`). */
  readonly live?: LiveMark | undefined
  /** Present if the image was salvaged from a damaged one. */
  readonly salvaged?: Salvage | undefined
  /** The checkpoints whose memory has pages that this image does not store, the nearest first. Absent if it stores all. */
  readonly bases?: readonly string[] | undefined
  readonly memory?: {
    readonly bytes: number
    readonly dataBytes: number
    readonly zeroBytes: number
    /** Bytes in the file of the pages with content, including device state and everything else that belongs to the format. */
    readonly storedBytes: number
    /** Bytes with content divided by bytes in the file. */
    readonly ratio: number
    readonly blocks: readonly ImageBlockInfo[]
  }
  readonly deviceStateBytes?: number
  readonly devices?: readonly DescribedDevice[]
  /** Whether everything was read and every checksum was right. */
  readonly verified: boolean
}

/**
 * Inspects an image. Single streams and channels are always read to the end; `stasis` and `sparse` images only with `verify`.
 * @throws ImageError naming file and offset of a fault, DomainXmlError, StorageError; CancelledError
 * @example
 * const { complete, format, memory } = await inspectImage('/backup/web.save', { verify: true })
 * console.log(complete, format, memory?.bytes)
 */
export async function inspectImage(
  file: FilePath,
  options: ImageInfoOptions = {},
): Promise<ImageInfo> {
  checkOptions(options)
  const path = givenPath(file, 'the image')
  return nameCancel(`look into ${path}`, look(path, options))
}

async function look(path: string, options: ImageInfoOptions): Promise<ImageInfo> {
  const head = await readImageHead(path)
  const basic = await basicFacts(path, head)
  if (!head.header.complete) return { ...basic, verified: false }
  await using machine = await openImage(path, { direct: false, signal: options.signal })
  const whole = options.verify === true || machine.pages === undefined
  const found = whole ? await readAll(machine, options) : await readIndex(machine)
  const { xml, cookie } = machine.description
  const { root } = parseDomainXml(xml, { path })
  const type = child(child(root, 'os'), 'type')
  const dataBytes = sum(found.blocks, ({ dataBytes: bytes }) => bytes)
  const bytes = sum(found.blocks, (block) => block.bytes)
  return {
    ...basic,
    domain: {
      name: childText(root, 'name')?.trim() ?? '',
      uuid: childText(root, 'uuid')?.trim() ?? '',
      arch: attribute(type, 'arch') ?? '',
    },
    machine: machineOf(found.state.head),
    provenance: cookie === undefined ? undefined : readProvenance(cookie),
    hasCookie: cookie !== undefined,
    live: liveInCookie(cookie),
    salvaged: salvageInCookie(cookie),
    bases: machine.bases?.length === 0 ? undefined : machine.bases,
    memory: {
      bytes,
      dataBytes,
      zeroBytes: bytes - dataBytes,
      storedBytes: storedBytes(machine),
      ratio: dataBytes / storedBytes(machine),
      blocks: found.blocks,
    },
    deviceStateBytes: found.state.sections.length,
    devices: describedDevices(found.state.tail),
    verified: whole,
  }
}

interface Found {
  readonly state: DeviceState
  readonly blocks: readonly ImageBlockInfo[]
}

/** @throws ImageError for the first damage that is found */
async function readAll(machine: SavedMachine, options: ImageInfoOptions): Promise<Found> {
  const { reading } = await readWhole(machine, options)
  const { blocks, state, damage } = reading
  const map = addressMap(machine.description.xml, blocks)
  const [first] = damageOf(damage, blocks, map)
  if (first !== undefined || state === undefined) throw damageError(machine.path, first)
  return {
    state,
    blocks: blocks.map(({ name, length, dataBytes }) => blockInfo(name, length, dataBytes)),
  }
}

async function readIndex({ path, pages, deviceState }: SavedMachine): Promise<Found> {
  if (pages === undefined || deviceState === undefined)
    throw new ImageError(
      'IMAGE_UNSUPPORTED',
      `${path} cannot be inspected without reading all of it`,
    )
  const dataBytes = pages.blocks.map(() => 0)
  for (let frame = 0; frame < pages.frameCount; frame += 1) {
    const { block, pageCount } = pages.range(frame)
    dataBytes[block] = (dataBytes[block] ?? 0) + pageCount * PAGE_SIZE
  }
  const blocks = pages.blocks.map(({ name, length }, block) =>
    blockInfo(name, length, dataBytes[block] ?? 0),
  )
  return { state: await deviceState(), blocks }
}

function blockInfo(name: string, bytes: number, dataBytes: number): ImageBlockInfo {
  return { name, bytes, dataBytes, zeroBytes: bytes - dataBytes }
}

async function basicFacts(
  path: string,
  { header, fileLength }: ImageHead,
): Promise<Omit<ImageInfo, 'verified'>> {
  const channels = header.extension?.channels ?? 0
  return {
    path,
    format: header.format,
    complete: header.complete,
    ...(await imageSize(path, header.format, channels, fileLength)),
    wasRunning: header.wasRunning,
    channels,
    compression: compressionOf(header),
  }
}

function compressionOf({ format, extension }: SaveImageHeader): string {
  const { compression } = FORMATS[format].traits
  return compression.by === 'packing' ? compression.packing : (extension?.compression ?? 'none')
}

function sum<T>(all: readonly T[], value: (one: T) => number): number {
  return all.reduce((total, one) => total + value(one), 0)
}
