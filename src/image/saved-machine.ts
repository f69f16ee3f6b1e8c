import type { ImageError } from '../errors.ts'
import type { DeviceState } from '../wire/device-state.ts'
import type { AnnouncedBlock } from '../wire/main-stream.ts'
import type { MultifdCompression } from '../wire/multifd-packet.ts'
import type { FoundDigest } from './digest/find-digest.ts'
import type { SaveFormat } from './save-format.ts'
import type { FrameCodec } from './stasis/frame-codec.ts'
import type { FrameFault } from './stasis/frame-fault.ts'

/** The description of the machine in an image, apart from memory and devices. */
export interface MachineDescription {
  readonly xml: string
  /** A `<cookie>` document: libvirt stores the real CPU of the guest there. */
  readonly cookie: string | undefined
  readonly wasRunning: boolean
  /**
   * Identifies the saved state, 32 hexadecimal digits; a copy and a conversion of an image keep it. Always present in a description that was read
   * from an image; a new image gets a new id when it is absent.
   */
  readonly id?: string | undefined
}

/** The description of an image that is being written. */
export interface NewDescription extends MachineDescription {
  /**
   * Called just before the image is complete, after its guest has stopped: returns the final cookie. The final cookie is omitted if it does not fit
   * into the space for `cookie`.
   */
  readonly finalCookie?: (() => Promise<string>) | undefined
}

/** Memory that QEMU migrates under one name. */
export interface RamBlock extends AnnouncedBlock {
  /** The offset of the whole block in the file, if it is there uncompressed and in order; zero pages are holes. */
  readonly linearOffset: number | undefined
}

/** Consecutive pages of one RAM block. */
export interface PageSpan {
  readonly firstPage: number
  readonly pageCount: number
}

/** Consecutive pages, with their RAM block. */
export interface PageRange extends PageSpan {
  /** Position in `PageStore.blocks`. */
  readonly block: number
}

/** Where a frame is in the file, and how it is stored there. */
export interface FramePlace {
  readonly offset: number
  readonly storedLength: number
  readonly codec: FrameCodec
}

/** RAM with random access: frames that cover every page that is not zero, none twice, ordered by block and page. */
export interface PageStore {
  readonly blocks: readonly RamBlock[]
  readonly frameCount: number
  /** The pages that a frame covers. `index` counts from 0. */
  range(index: number): PageRange
  /** How many bytes the frame takes in the file, for progress. */
  storedLength(index: number): number
  /** Where the frame is in the file. */
  place(index: number): FramePlace
  /**
   * All frames in their order in the file, divided into groups that span at most `length` bytes of it (or contain a single frame). A group is what
   * one reader reads at once when everything is to be read.
   */
  groups(length: number): Generator<Uint32Array, void, undefined>
  /** Fetches a group with one read, so that `read` with the same `reader` number need not access the disk. @throws StorageError */
  prefetch(group: Uint32Array, reader: number): Promise<void>
  /**
   * Reads the pages of a frame, checked and decompressed. Readers with different numbers (0 to 63) may read at the same time. Decompressed pages go
   * into `target`, of the frame's length, if given; otherwise into memory that the next `read` with the same number reuses. Several reads with one
   * number may be pending for frames of the group that it fetched last, each with a target; their results are valid until it fetches the next group.
   * @throws ImageError IMAGE_CORRUPT, IMAGE_TRUNCATED with frame, block and offset
   */
  read(index: number, reader: number, target?: Uint8Array): Promise<Uint8Array>
  /** The pages of some frames are in other files: only `read` reads those. Then there are no `checked` and no `stored` frames. */
  readonly isLayered?: boolean
  /** A descriptor for aligned reads; valid as long as the image is open. */
  readonly fd: number
  /** Present when frames have checksums, for threads that check them. */
  readonly checked?: StoredFrames
  /** The same, present only when frames must be decompressed, which threads do best by themselves. */
  readonly stored?: StoredFrames
}

/** The stored bytes of frames, for threads that read, check and decompress them. */
export interface StoredFrames {
  /** `fd` of the page store. */
  readonly fd: number
  /** The records of all frames, as in the index of docs/format/stasis.md, in memory that other threads can see. */
  readonly table: Uint8Array
  /** A copy of the records of some frames. */
  records(frames: Uint32Array): Uint8Array
  /** The error for a frame in which a thread found a fault. */
  error(frame: number, fault: FrameFault): ImageError
}

/** QEMU's own multifd streams, to be sent back verbatim. */
export interface ChannelStreams {
  readonly count: number
  readonly compression: MultifdCompression
  /** Total bytes, for progress. */
  readonly length: number
  /** The bytes of the main stream (`'main'`) or of a channel (from 0), checked against their checksums at their end. */
  open(channel: number | 'main'): AsyncIterable<Uint8Array>
}

/** QEMU's single stream, to be sent back verbatim. */
export interface SingleStream {
  /** Length in the file in bytes, for progress. */
  readonly length: number
  /** Its offset in the file, if it is there unchanged. */
  readonly offset?: number
  /** Whether reading it to its end proves that it is complete. */
  readonly checked?: boolean
  /** Checks that the file ends as a stream does, which the stream alone may not show. @throws ImageError IMAGE_TRUNCATED */
  readonly checkEnd?: () => Promise<void>
  /** The same as it is in the file, for a search for all damage. */
  readonly stored?: SingleStream['open']
  /** The stream, decompressed. Calls `onRead` with the number of further bytes read from the file. */
  open(onRead?: (fileBytes: number) => void): AsyncIterable<Uint8Array>
}

/** A file that QEMU's own `mapped-ram` loader reads by itself. */
export interface MappedRamFile {
  /** Valid as long as the image is open. */
  readonly fd: number
  /** The offset of QEMU's stream. */
  readonly offset: number
  /** Whether the page cache is bypassed: that was requested and the file system supports it. */
  readonly direct: boolean
}

/**
 * A saved VM, whatever its file looks like. A format offers the facets that it has; a restore uses the first that it can. At least one of `pages`
 * (then with `deviceState`), `channels` and `stream` is present.
 */
export interface SavedMachine extends AsyncDisposable {
  readonly path: string
  readonly format: SaveFormat
  readonly description: MachineDescription
  /** The digest beside the image, in formats without checksums of their own; reading compares with it. */
  readonly digest?: FoundDigest
  readonly pages?: PageStore
  /** The images that have the pages which this one does not store, by the names of their directories: its base first, then the base of that. */
  readonly bases?: readonly string[]
  /** @throws ImageError IMAGE_CORRUPT when the checksum is wrong */
  readonly deviceState?: () => Promise<DeviceState>
  readonly channels?: ChannelStreams
  readonly stream?: SingleStream
  /** In addition to `pages`: a QEMU with mapped-ram can load this file without us. */
  readonly mappedRam?: MappedRamFile
}
