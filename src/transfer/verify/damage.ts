/** The damage of a part of an image. */
export type DamageKind =
  /** It does not match its checksum. */
  | 'checksum'
  /** It cannot be decompressed, or does not follow its format. */
  | 'content'
  /** The file ends before it. */
  | 'truncated'
  /** The image has nothing of it. */
  | 'missing'
  /** The disk could not read it. */
  | 'unreadable'
  /** A checksum over more than this is wrong: it may be damaged, or not. */
  | 'suspect'

/** How a page is stored: as it is, compressed, as a mere note that it is zero, or not at all. */
export type StoredAs = 'raw' | 'zlib' | 'zstd' | 'zero' | 'nowhere'

/** Where damage is in a file. */
export interface FileRange {
  readonly file: string
  readonly offset?: number | undefined
  readonly length?: number | undefined
}

/** Damaged pages of one RAM block. */
export interface MemoryDamage extends Partial<FileRange> {
  readonly kind: DamageKind
  /** Position in the list of blocks. */
  readonly block: number
  readonly firstPage: number
  readonly pageCount: number
  readonly storedAs: StoredAs
  /** The multifd channel, from 1, in an image that has channels. */
  readonly channel?: number | undefined
}

/** The parts of an image other than pages. */
export type ImagePart = 'description' | 'structure' | 'stream' | 'channel' | 'device state'

/** Damage outside of pages. */
export interface PartDamage extends Partial<FileRange> {
  readonly part: ImagePart
  readonly kind: DamageKind
  /** A sentence. */
  readonly text: string
}

/** All damage that a reading found. */
export interface DamageReport {
  readonly parts: readonly PartDamage[]
  /** The first ranges; `rangeCount` says how many there are. */
  readonly memory: readonly MemoryDamage[]
  readonly rangeCount: number
  /** For each block, the runs of damaged pages: first page and number of pages in turn. Pages that are only suspect are not among them. */
  readonly damaged: readonly Float64Array[]
  /** For each block, the runs of suspect pages. */
  readonly suspect: readonly Float64Array[]
}

/** A RAM block as a reading found it. */
export interface BlockReading {
  readonly name: string
  readonly length: number
  /** Bytes of pages that are not zero. */
  readonly dataBytes: number
}
