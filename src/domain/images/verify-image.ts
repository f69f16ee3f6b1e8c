import { ImageError, UsageError } from '../../errors.ts'
import { writeDigest } from '../../image/digest/write-digest.ts'
import { FORMATS } from '../../image/format-table.ts'
import type { FormatTraits } from '../../image/image-format.ts'
import { openImage } from '../../image/open-image.ts'
import { readImageHead } from '../../image/opened-image.ts'
import type { SaveFormat } from '../../image/save-format.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { parseXml } from '../../qemu/domain-xml/parse-xml.ts'
import type { DamageReport } from '../../transfer/verify/damage.ts'
import type { MachineReading } from '../../transfer/verify/reading.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { keyOf } from '../catalogue/files/guest-files.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { checkDigest } from '../save/save-options.ts'
import { checkOptions } from '../store/check-options.ts'
import { addressMap } from './guest-addresses.ts'
import { type ImageDamage, damageOf } from './image-damage.ts'
import { type ReadWholeOptions, readWhole } from './read-whole.ts'

/** How to verify an image. */
export interface VerifyImageOptions extends ReadWholeOptions {
  /** If the image is whole, write a digest beside it; for libvirt's formats. An older one is replaced. */
  readonly writeDigest?: boolean | undefined
}

/** Memory in an image that was verified. */
export interface VerifiedBlock {
  readonly name: string
  readonly bytes: number
  /** Bytes of pages that are not zero. */
  readonly dataBytes: number
  /** Bytes of pages that are damaged, and of pages that may be. */
  readonly damagedBytes: number
  readonly suspectBytes: number
}

/** The result of a verification. */
export interface ImageVerification {
  readonly path: string
  readonly format: SaveFormat
  /** Whether everything was read and nothing is damaged. */
  readonly whole: boolean
  /** The checksums of the memory; `none`: only its structure was checked. */
  readonly checksums: FormatTraits['checksums'] | 'digest'
  /**
   * The digest beside an image of one of libvirt's formats. `foreign`: it was made of another image, or of other content, and `damaged`: it cannot be understood; then it
   * was not compared.
   */
  readonly digest: {
    readonly state: 'none' | 'fits' | 'foreign' | 'damaged'
    readonly path?: string
  }
  /** The digest that was written now. */
  readonly digestWritten?: string | undefined
  /** The first pieces of damage. */
  readonly damage: readonly ImageDamage[]
  /** How many pieces there are. */
  readonly damageCount: number
  /** Whether the machine can be salvaged without the damaged pages: everything else is there. */
  readonly salvageable: boolean
  /** Empty if the structure is too damaged to find them. */
  readonly blocks: readonly VerifiedBlock[]
  readonly readBytes: number
  readonly totalMs: number
}

/**
 * Reads all of an image and checks everything that can be checked: checksums, the structure to the end, all RAM blocks, device state, description. Damage does not
 * end it: all of it is in the result. Writes nothing.
 * @throws ImageError for a file that is not a complete save image, or one of a kind that is not supported; StorageError, CancelledError
 * @example
 * const { whole, damage } = await verifyImage('/backup/web.save')
 * for (const { text } of damage) console.log(text)
 */
export async function verifyImage(
  file: FilePath,
  options: VerifyImageOptions = {},
): Promise<ImageVerification> {
  checkOptions(options)
  const path = givenPath(file, 'the image')
  return nameCancel(`verify ${path}`, verify(path, options))
}

async function verify(path: string, options: VerifyImageOptions): Promise<ImageVerification> {
  if (options.writeDigest === true) await checkDigestPlace(path)
  const { result } = await examine(path, options)
  if (options.writeDigest !== true || !result.whole) return result
  return { ...result, digestWritten: await writeDigest(path, options.signal) }
}

/** @throws UsageError when an image can have no digest: because of its format, or because it is on a block device */
async function checkDigestPlace(path: string): Promise<void> {
  checkDigest((await readImageHead(path)).header.format)
  if ((await keyOf(path))?.kind !== 'device') return
  throw new UsageError(
    'BAD_COMBINATION',
    `${path} is a block device, which cannot have a digest beside it`,
    {
      path,
      hint: 'Omit the digest, or copy the image to a file with `stasis image-convert`',
    },
  )
}

/** A verification, with the further facts for a salvage. */
export interface Examination {
  readonly result: ImageVerification
  /** The damage in full; `undefined` if the structure is too damaged to find any memory. */
  readonly damage: DamageReport | undefined
}

/** `verifyImage` for callers inside this library. */
export async function examine(path: string, options: VerifyImageOptions): Promise<Examination> {
  const startMs = performance.now()
  const { format } = (await readImageHead(path)).header
  const parts: ImageDamage[] = []
  const opened = await openDamaged(path, options.signal, parts)
  const found = opened?.digest ?? { state: 'none' }
  const digest = 'path' in found ? { state: found.state, path: found.path } : { state: found.state }
  const checksums: ImageVerification['checksums'] =
    found.state === 'fits' ? 'digest' : FORMATS[format].traits.checksums
  const common = { path, format, checksums, digest }
  if (opened === undefined) {
    const rest = { damage: parts, damageCount: parts.length, salvageable: false, blocks: [] }
    const result = { ...common, whole: false, ...rest, readBytes: 0 }
    return { result: { ...result, totalMs: performance.now() - startMs }, damage: undefined }
  }
  await using machine = opened
  const isDescribed = checkDescription(machine, parts)
  const { reading, readBytes } = await readWhole(machine, options)
  const { blocks, damage: report, state } = reading
  const listed = damageOf(report, blocks, addressMap(machine.description.xml, blocks))
  const damage = [...parts, ...listed]
  const unlisted = report.rangeCount - report.memory.length
  const result = {
    ...common,
    whole: damage.length === 0,
    damage,
    damageCount: damage.length + unlisted,
    salvageable: isDescribed && state !== undefined && !parts.some(isCut),
    blocks: verifiedBlocks(reading),
    readBytes,
    totalMs: performance.now() - startMs,
  }
  return { result, damage: report }
}

/** Opens an image so that damage becomes part of the result. Returns `undefined` when the rest cannot be found any more. */
async function openDamaged(
  path: string,
  signal: AbortSignal | undefined,
  parts: ImageDamage[],
): Promise<SavedMachine | undefined> {
  const onFault = (fault: ImageError): void => void parts.push(partOf(fault, path))
  try {
    return await openImage(path, { direct: true, signal, onFault })
  } catch (error) {
    if (!(error instanceof ImageError) || !DAMAGE_CODES.has(error.code)) throw error
    parts.push(partOf(error, path))
    return undefined
  }
}

const DAMAGE_CODES: ReadonlySet<string> = new Set([
  'IMAGE_CORRUPT',
  'IMAGE_TRUNCATED',
  'IMAGE_CHANNEL_MISSING',
  'IMAGE_CHANNEL_FOREIGN',
])

function partOf(fault: ImageError, path: string): ImageDamage {
  const { code, message: text, offset } = fault
  const file = fault.path ?? path
  const kind =
    code === 'IMAGE_TRUNCATED' ? 'truncated' : code === 'IMAGE_CORRUPT' ? 'content' : 'missing'
  return { part: file === path ? 'structure' : 'channel', kind, text, file, offset }
}

/** Whether the end of the image is missing, and with it the state of devices. */
function isCut({ part, kind }: ImageDamage): boolean {
  return part === 'structure' && kind === 'truncated'
}

/** Whether the description can be used. */
function checkDescription({ path, description }: SavedMachine, parts: ImageDamage[]): boolean {
  const { xml, cookie } = description
  const broken = (['domain XML', 'cookie'] as const).filter((what) => {
    try {
      if (what === 'domain XML') parseDomainXml(xml, { path })
      else if (cookie !== undefined) parseXml(cookie)
      return false
    } catch (error) {
      const text = `The ${what} of ${path} cannot be parsed: ${(error as Error).message}`
      parts.push({ part: 'description', kind: 'content', text, file: path })
      return true
    }
  })
  return broken.length === 0
}

function verifiedBlocks({ blocks, damage }: MachineReading): readonly VerifiedBlock[] {
  return blocks.map(({ name, length, dataBytes }, block) => ({
    name,
    bytes: length,
    dataBytes,
    damagedBytes: bytesIn(damage.damaged[block]),
    suspectBytes: bytesIn(damage.suspect[block]),
  }))
}

function bytesIn(runs: Float64Array | undefined): number {
  let pages = 0
  for (let at = 1; at < (runs?.length ?? 0); at += 2) pages += runs?.[at] ?? 0
  return pages * PAGE_SIZE
}
