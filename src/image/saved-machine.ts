import type { ImageError } from '../errors.ts'
import type { Compression } from './header.ts'
import type { SaveFormat } from './save-format.ts'
import type { FrameFault } from './stasis/frame-fault.ts'

/** Bytes of a guest page as QEMU's stream counts them on x86 (`TARGET_PAGE_SIZE`). */
export const PAGE_SIZE = 4096

/** What an image says about the machine, apart from memory and devices. */
export interface MachineDescription {
  readonly xml: string
  /** A `<cookie>` document: libvirt keeps the CPU as it really was there. */
  readonly cookie: string | undefined
  readonly wasRunning: boolean
}

/** Memory that QEMU migrates under one name. */
export interface RamBlock {
  readonly name: string
  /** Bytes in use: a multiple of `PAGE_SIZE`. */
  readonly length: number
  /** Where the whole block lies uncompressed and in order in the file, if it does; zero pages are holes. */
  readonly linearOffset: number | undefined
}

/** A contiguous range of pages of one RAM block. */
export interface PageRange {
  /** Position in `PageStore.blocks`. */
  readonly block: number
  readonly firstPage: number
  readonly pageCount: number
}

/** RAM that can be read at random: frames that cover every page that is not zero, none twice, ordered by block and page. */
export interface PageStore {
  readonly blocks: readonly RamBlock[]
  readonly frameCount: number
  /** The pages that a frame covers. `index` counts from 0. */
  range(index: number): PageRange
  /** How many bytes the frame takes in the file, for progress. */
  storedLength(index: number): number
  /**
   * All frames in the order in which they lie in the file, cut into groups that span at most `length` bytes of it (or hold one
   * frame): what one reader takes at once when everything is to be read.
   */
  groups(length: number): Generator<Uint32Array, void, undefined>
  /** Fetches a group by one read, so that `read` with the same `reader` number need not go to the disk. @throws StorageError */
  prefetch(group: Uint32Array, reader: number): Promise<void>
  /**
   * The pages of a frame, checked and decompressed; readers of different numbers (0 to 63) may read at the same time. What must
   * be decompressed goes into `target`, of the frame's length, when there is one, else into memory that the next `read` with
   * the same number reuses. Several reads with one number may be under way for frames of the group that it fetched last, each
   * with a target; what they give holds until it fetches the next.
   * @throws ImageError IMAGE_CORRUPT, IMAGE_TRUNCATED naming frame, block and offset
   */
  read(index: number, reader: number, target?: Uint8Array): Promise<Uint8Array>
  /** There when frames must be decompressed, which threads do best by themselves. */
  readonly stored?: StoredFrames
}

/** Frames as they lie in the file, for threads that read, check and decompress them. */
export interface StoredFrames {
  /** For aligned reads; good as long as the image is open. */
  readonly fd: number
  /** The records of some frames, as docs/format/stasis.md has them in its index. */
  records(frames: Uint32Array): Uint8Array
  /** The error for a frame in which a thread found a fault. */
  error(frame: number, fault: FrameFault): ImageError
}

/** QEMU's stream without its RAM: what precedes the RAM section, and what follows it. */
export interface DeviceState {
  /** Magic, version, configuration section. */
  readonly head: Uint8Array
  /** The id that the RAM section had in the stream. */
  readonly ramSection: number
  /** Device sections, without the end mark. */
  readonly sections: Uint8Array
  /** The end mark and the description that may follow it; empty when the stream had none. */
  readonly tail: Uint8Array
}

/** QEMU's own multifd streams, to be carried back verbatim. */
export interface ChannelStreams {
  readonly count: number
  readonly compression: Compression
  /** Total bytes, for progress. */
  readonly length: number
  /** The bytes of the main stream (`'main'`) or of a channel (from 0), checked against their checksums at their end. */
  open(channel: number | 'main'): AsyncIterable<Uint8Array>
}

/** QEMU's single stream, to be carried back verbatim. */
export interface SingleStream {
  /** Bytes in the file, for progress. */
  readonly length: number
  /** Whether reading it to its end tells that it is whole. */
  readonly checked?: boolean
  /** The stream, decompressed. `onRead` is told how many more bytes of the file were read. */
  open(onRead?: (fileBytes: number) => void): AsyncIterable<Uint8Array>
}

/** A file that QEMU's own `mapped-ram` loader reads by itself. */
export interface MappedRamFile {
  /** Good as long as the image is open. */
  readonly fd: number
  /** Where QEMU's stream begins. */
  readonly offset: number
  /** Whether the file system can go past the page cache, and that was asked for. */
  readonly direct: boolean
}

/**
 * A saved VM, whatever its file looks like. A format offers the facets that it has; a restorer takes the first that it can use.
 * At least one of `pages` (then with `deviceState`), `channels` and `stream` is there.
 */
export interface SavedMachine extends AsyncDisposable {
  readonly path: string
  readonly format: SaveFormat
  readonly description: MachineDescription
  readonly pages?: PageStore
  /** @throws ImageError IMAGE_CORRUPT when the checksum is wrong */
  readonly deviceState?: () => Promise<DeviceState>
  readonly channels?: ChannelStreams
  readonly stream?: SingleStream
  /** Besides `pages`: what a QEMU that knows mapped-ram can do without us. */
  readonly mappedRam?: MappedRamFile
}
