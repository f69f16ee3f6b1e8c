import type { SaveFormat } from '../image/save-format.ts'
import type { MachineDescription } from '../image/saved-machine.ts'
import type { FrameCodec } from '../image/stasis/frame-codec.ts'
import type { MultifdCompression } from '../wire/multifd-packet.ts'

/** `adaptive` follows what disk and processor leave idle; a number is a level of the compression's own. */
export type CompressionLevel = number | 'adaptive'

/** What a format needs to receive a machine. */
export interface ImageReceiverOptions {
  /** Where the image shall be; nothing stands there until `publish`. */
  readonly path: string
  /** A unix socket path that does not exist yet, in a directory that only we may enter. */
  readonly socketPath: string
  readonly description: MachineDescription
  /** Number of multifd channels, 1 to 64; ignored by single-stream formats. */
  readonly channels: number
  /** What we compress frames with; of `stasis`. */
  readonly codec: FrameCodec
  /** What QEMU compresses its channels with; of `channels`. */
  readonly multifdCompression: MultifdCompression
  readonly compressionLevel: CompressionLevel
  /** Bypass the page cache. */
  readonly direct: boolean
  readonly signal?: AbortSignal | undefined
}

/** How far a transfer is. */
export interface TransferProgress {
  /** Bytes that came from or went to QEMU, headers included. */
  readonly transferredBytes: number
  /** Bytes of guest RAM dealt with so far, zero pages included, and in all; total is 0 until it is known. */
  readonly ramBytes: number
  readonly ramTotalBytes: number
  /** Bytes that went to, or came from, the disk. */
  readonly fileBytes: number
  /** Bytes carried by each channel; fewer entries than channels while some are not connected yet. */
  readonly channelBytes: readonly number[]
}

/** A finished image. */
export interface SavedImage {
  readonly path: string
  readonly format: SaveFormat
  /** Apparent length of all its files. */
  readonly fileBytes: number
  /** Disk blocks that they take. */
  readonly allocatedBytes: number
  readonly ramBytes: number
  readonly zeroBytes: number
}

/**
 * The receiving end of a save: QEMU migrates to `uri`, a format writes down what comes. Disposing it unpublished leaves no file.
 */
export interface ImageReceiver extends AsyncDisposable {
  /** For QMP `migrate`. */
  readonly uri: string
  /** What QEMU must be told: multifd with so many channels, and its own compression. 0 channels: no multifd. */
  readonly multifd: { readonly channels: number; readonly compression: MultifdCompression }
  /** QEMU writes the file itself, pages at fixed places; `directIo` when the file system can, past the page cache. */
  readonly mappedRam?: { readonly directIo: boolean } | undefined
  /**
   * Settles when the whole stream was received and handed to the disk; rejects at the first fault. Then cancel the migration, and
   * dispose the target when that is over: until then it takes what still comes and drops it. QEMU 7.2 must not be hung up on: its
   * migration thread waits for a lost channel for ever, holding the lock of the whole machine (`multifd_send_sync_main`).
   * @throws StorageError, QemuError QEMU_STREAM, CancelledError
   */
  readonly received: Promise<void>
  progress(): TransferProgress
  /** Makes the image durable and complete and gives it its name. Only after `received`. @throws StorageError */
  publish(): Promise<SavedImage>
}
