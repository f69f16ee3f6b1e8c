import type { DigestRequest } from '../image/new-image.ts'
import type { SaveFormat } from '../image/save-format.ts'
import type { NewDescription } from '../image/saved-machine.ts'
import type { SpecialTarget } from '../io/files/special/special-target.ts'
import type { FrameCodec } from '../image/stasis/frame-codec.ts'
import type { MemoryShown } from './memory-map.ts'
import type { MultifdCompression } from '../wire/multifd-packet.ts'

/** `adaptive` follows the balance of disk and processor; a number is a level of the compression's own. */
export type CompressionLevel = number | 'adaptive'

/** The inputs of a format for receiving a machine. */
export interface ImageReceiverOptions {
  /** The path of the image; no file is there until `publish`. */
  readonly path: string
  /** Where the image goes instead of a new file, for single-stream formats; the caller closes it. */
  readonly target?: SpecialTarget | undefined
  /** A unix socket path that does not exist yet, in a directory that only we can enter. */
  readonly socketPath: string
  readonly description: NewDescription
  /** Number of multifd channels, 1 to 64; ignored by single-stream formats. */
  readonly channels: number
  /** Our codec for frames; for `stasis`. */
  readonly codec: FrameCodec
  /** QEMU's compression of its channels; for `channels`. */
  readonly multifdCompression: MultifdCompression
  readonly compressionLevel: CompressionLevel
  /** Bypass the page cache. */
  readonly direct: boolean
  /** Write a digest beside the image; for libvirt's formats. */
  readonly digest?: DigestRequest | undefined
}

/** A receiver whose threads are starting, which takes longer than most of a save's checks. Disposing it ends them, unless it was opened. */
export interface ReceiverStart extends AsyncDisposable {
  /** Opens the receiver, once. @throws StorageError, UsageError */
  open(options: ImageReceiverOptions): Promise<ImageReceiver>
}

/** The progress of a transfer. */
export interface TransferProgress {
  /** Bytes received from or sent to QEMU, headers included. */
  readonly transferredBytes: number
  /** Bytes of guest RAM processed so far, zero pages included, and in all; the total is 0 until it is known. */
  readonly ramBytes: number
  readonly ramTotalBytes: number
  /** Bytes written to, or read from, the disk. */
  readonly fileBytes: number
  /** Bytes of each channel; fewer entries than channels while some are not connected. */
  readonly channelBytes: readonly number[]
  /** Which memory was transferred, and how; absent where that is not known. */
  readonly memory?: MemoryShown | undefined
  /** The content of each channel, in the order of `channelBytes`; absent where that is not known. */
  readonly lanes?: readonly LaneMemory[] | undefined
}

/** The guest memory that one channel carried. */
export type LaneMemory = Omit<MemoryShown, 'cells'>

/** A finished image. */
export interface SavedImage {
  readonly path: string
  readonly format: SaveFormat
  /** Apparent length of all its files. */
  readonly fileBytes: number
  /** Disk blocks that they occupy. */
  readonly allocatedBytes: number
  readonly ramBytes: number
  readonly zeroBytes: number
}

/** The file that QEMU writes. */
export interface MappedRamTarget {
  readonly fd: number
  /** Where its stream begins. */
  readonly offset: number
  /** Whether it can bypass the page cache. */
  readonly directIo: boolean
}

/** The receiving end of a migration, as the side that controls QEMU sees it. */
export interface MigrationReceiver {
  /** For QMP `migrate`, in a QEMU of our own user. */
  readonly uri: string
  /** The socket that we listen on; `undefined` when QEMU writes the file itself. */
  readonly socketPath: string | undefined
  /** QEMU's settings: multifd with that many channels, and its own compression. 0 channels: no multifd. */
  readonly multifd: { readonly channels: number; readonly compression: MultifdCompression }
  /** Present when QEMU writes the file itself, with pages at fixed places. */
  readonly mappedRam?: MappedRamTarget | undefined
  /**
   * Settles when the whole stream was received and passed to the disk; rejects at the first fault. Need not be awaited at once. After a fault, cancel the migration, and dispose
   * the receiver when that is over: until then it receives and discards the rest. Do not close a connection of QEMU 7.2: its migration thread would
   * wait for the lost channel forever, holding the lock of the whole machine (`multifd_send_sync_main`).
   * @throws StorageError, QemuError QEMU_STREAM, CancelledError
   */
  readonly received: Promise<void>
  progress(): TransferProgress
  /** Aborts: `received` rejects with a CancelledError, whose cause is `reason`. */
  abort(reason: unknown): void
}

/** The receiving end of a save: QEMU migrates to `uri`, and a format writes the data. Disposing it unpublished leaves no file. */
export interface ImageReceiver extends MigrationReceiver, AsyncDisposable {
  /** Makes the image durable and complete and gives it its name. Only after `received`. @throws StorageError */
  publish(): Promise<SavedImage>
}
