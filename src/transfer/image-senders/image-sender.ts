import type { MultifdCompression } from '../../wire/multifd-packet.ts'
import type { TransferProgress } from '../image-receiver.ts'

/** What sending a new QEMU needs. */
export interface ImageSenderOptions {
  /** Workers that read the image at the same time, 1 to 64. */
  readonly readers: number
  /** RAM blocks that QEMU takes from a memory backend whose file we may fill: name (which is the backend's id) and size. */
  readonly backends: readonly { readonly id: string; readonly length: number }[]
  /** RAM blocks that QEMU has already, by a mapping of a file: none of their pages is sent. */
  readonly mapped?: ReadonlySet<string> | undefined
  /** Whether QEMU has a `mapped-ram` loader, which then reads an image made for it by itself. */
  readonly mappedRam?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The sending end of a restore. It may fill RAM before QEMU runs (`memoryFiles`), and carries the rest to QEMU's incoming socket.
 * Order: make it, launch QEMU with `memoryFiles` and `-incoming defer`, `migrate-incoming unix:PATH`, then `send(PATH)`.
 */
export interface ImageSender extends AsyncDisposable {
  /** Descriptors of memory files by backend id, to be inherited by QEMU; being filled since the sender was made. */
  readonly memoryFiles: ReadonlyMap<string, number>
  /** What QEMU must be told before `migrate-incoming`. 0 channels: no multifd. */
  readonly multifd: { readonly channels: number; readonly compression: MultifdCompression }
  /** There when QEMU reads the image by itself: `migrate-incoming` this, with mapped-ram. `send` carries and counts nothing then. */
  readonly mappedRam?: { readonly uri: string; readonly directIo: boolean } | undefined
  /**
   * Connects to QEMU's incoming socket and carries everything. Settles when all was sent and every checksum was right.
   * @throws ImageError naming file and offset, QemuError QEMU_DIED when the socket closes early, CancelledError
   */
  send(socketPath: string): Promise<void>
  progress(): TransferProgress
}
