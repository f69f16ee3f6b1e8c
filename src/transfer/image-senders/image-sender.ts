import type { MultifdCompression } from '../../wire/multifd-packet.ts'
import type { TransferProgress } from '../image-receiver.ts'

/**
 * Sends the migration stream of a restore to QEMU. Order: create it, launch QEMU with `-incoming defer`, set `multifd`,
 * `migrate-incoming unix:PATH`, then `send(PATH)`. The image must stay open until it is disposed.
 */
export interface ImageSender extends AsyncDisposable {
  /** QEMU's settings before `migrate-incoming`. 0 channels: no multifd. */
  readonly multifd: { readonly channels: number; readonly compression: MultifdCompression }
  /**
   * Connects to QEMU's incoming socket and sends everything. Settles when all was sent and every checksum was correct.
   * @throws ImageError with file and offset, QemuError QEMU_DIED when the socket closes early, CancelledError
   */
  send(socketPath: string): Promise<void>
  progress(): TransferProgress
}

/** Options of a sender of QEMU's own streams. */
export interface StreamSenderOptions {
  readonly signal?: AbortSignal | undefined
}
