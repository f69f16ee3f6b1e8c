import type { MultifdCompression } from '../../wire/multifd-packet.ts'
import type { TransferProgress } from '../image-receiver.ts'

/** The inputs for sending a machine to a new QEMU. */
export interface ImageSenderOptions {
  /** Workers that read the image at the same time, 1 to 64. */
  readonly readers: number
  /** RAM blocks that QEMU takes from a memory backend whose file we may fill: name (which is the backend's id) and size. */
  readonly backends: readonly { readonly id: string; readonly length: number }[]
  /** RAM blocks that QEMU has already mapped from a file: none of their pages is sent. */
  readonly mapped?: ReadonlySet<string> | undefined
  /** Whether QEMU has a `mapped-ram` loader; it then reads an image of that format itself. */
  readonly mappedRam?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The sending end of a restore. It may fill RAM before QEMU runs (`memoryFiles`), and sends the rest to QEMU's incoming socket. Order: create it,
 * launch QEMU with `memoryFiles` and `-incoming defer`, `migrate-incoming unix:PATH`, then `send(PATH)`.
 */
export interface ImageSender extends AsyncDisposable {
  /** Descriptors of memory files by backend id, for QEMU to inherit; filled from the creation of the sender on. */
  readonly memoryFiles: ReadonlyMap<string, number>
  /** QEMU's settings before `migrate-incoming`. 0 channels: no multifd. */
  readonly multifd: { readonly channels: number; readonly compression: MultifdCompression }
  /** Present when QEMU reads the image itself: pass this to `migrate-incoming`, with mapped-ram. `send` then sends and counts nothing. */
  readonly mappedRam?: { readonly uri: string; readonly directIo: boolean } | undefined
  /**
   * Connects to QEMU's incoming socket and sends everything. Settles when all was sent and every checksum was correct.
   * @throws ImageError with file and offset, QemuError QEMU_DIED when the socket closes early, CancelledError
   */
  send(socketPath: string): Promise<void>
  progress(): TransferProgress
}
