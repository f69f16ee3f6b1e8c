import { ImageError } from '../../errors.ts'
import type {
  DamageKind,
  DamageReport,
  ImagePart,
  MemoryDamage,
  StoredAs,
} from '../../transfer/verify/damage.ts'
import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { AddressMap, AddressRange } from './guest-addresses.ts'

/** One piece of damage in an image. */
export interface ImageDamage {
  /** `memory`: pages of a RAM block. `structure`: the format's own data around the machine. `digest`: the digest beside the image. */
  readonly part: ImagePart | 'memory'
  /**
   * `checksum`: it does not match its checksum; `content`: it cannot be decompressed, or does not follow its format; `truncated`: the file ends before it;
   * `missing`: nothing of it is there; `unreadable`: the disk reports an error; `suspect`: a checksum over more than this is wrong.
   */
  readonly kind: DamageKind
  /** All of it in a sentence. */
  readonly text: string
  readonly file?: string | undefined
  /** Where it is in the file, in bytes. */
  readonly offset?: number | undefined
  readonly length?: number | undefined
  /** Of memory: the RAM block, and the pages of it. */
  readonly block?: string | undefined
  readonly firstPage?: number | undefined
  readonly pageCount?: number | undefined
  /** The guest-physical addresses of the pages, where they are known. */
  readonly addresses?: readonly AddressRange[] | undefined
  /** How the pages are stored. */
  readonly storedAs?: StoredAs | undefined
  /** The multifd channel, from 1. */
  readonly channel?: number | undefined
}

const KINDS: Readonly<Record<DamageKind, string>> = {
  checksum: 'the checksum is wrong',
  content: 'it cannot be decompressed',
  truncated: 'the file ends before it',
  missing: 'the image has nothing of it',
  unreadable: 'the disk cannot read it',
  suspect: 'a checksum over more than this is wrong',
}

/** The damage that a reading found, in the guest's terms. */
export function damageOf(
  { parts, memory }: DamageReport,
  blocks: readonly AnnouncedBlock[],
  addresses: AddressMap,
): readonly ImageDamage[] {
  return [...parts, ...memory.map((range) => describeRange(range, blocks, addresses))]
}

function describeRange(
  range: MemoryDamage,
  blocks: readonly AnnouncedBlock[],
  map: AddressMap,
): ImageDamage {
  const { block: position, firstPage, pageCount, kind, storedAs, file, offset, channel } = range
  const block = blocks[position]?.name ?? ''
  const addresses = map(position, firstPage, pageCount)
  const where =
    addresses.length === 0
      ? `offset ${hex(firstPage * PAGE_SIZE)} in the block`
      : `guest-physical ${addresses.map(({ from, to }) => `${hex(from)} to ${hex(to - 1)}`).join(' and ')}`
  const how =
    file === undefined
      ? ''
      : `; stored ${storedAs === 'raw' ? 'as they are' : `as ${storedAs}`}${channel === undefined ? '' : ` on channel ${channel}`}${offset === undefined ? '' : ` at byte ${offset}`} of ${file}`
  const pages =
    pageCount === 1 ? `page ${firstPage}` : `pages ${firstPage} to ${firstPage + pageCount - 1}`
  const text = `${block}, ${pages} (${where}): ${KINDS[kind]}${how}`
  return {
    ...{ part: 'memory', kind, text, file, offset, length: range.length },
    ...{ block, firstPage, pageCount, storedAs, channel },
    addresses: addresses.length === 0 ? undefined : addresses,
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}

/** The error for an image of which only the first damage matters. */
export function damageError(path: string, damage: ImageDamage | undefined): ImageError {
  const { kind, text = `${path} is damaged`, file = path, offset } = damage ?? {}
  return new ImageError(kind === 'truncated' ? 'IMAGE_TRUNCATED' : 'IMAGE_CORRUPT', text, {
    path: file,
    offset,
    hint: `\`stasis image-verify ${path}\` lists all damage`,
  })
}
