import { imageSize } from '../../image/image-size.ts'
import type { SaveFormat } from '../../image/save-format.ts'
import type { ImageReceiver, ImageReceiverOptions, TransferProgress } from '../image-receiver.ts'
import { type ConnectionReceiver, QemuListener } from '../receive/qemu-listener.ts'

/** The differences between formats that store QEMU's streams verbatim. */
export interface OpaqueFormat {
  readonly format: SaveFormat
  readonly multifd: ImageReceiver['multifd']
  readonly receiver: ConnectionReceiver
  /** Bytes so far. */
  progress(): Pick<TransferProgress, 'transferredBytes' | 'fileBytes' | 'channelBytes'>
  /** Completes the image; returns the length of its main file. */
  publish(): Promise<number>
  /** The image that is being written. */
  readonly image: AsyncDisposable
}

/**
 * Listens for a saving QEMU and stores its streams without parsing them: only QEMU counts guest memory. Disposes the image if that fails.
 * @throws StorageError, UsageError
 */
export async function openOpaqueReceiver(
  { path, socketPath, target }: ImageReceiverOptions,
  opaque: OpaqueFormat,
): Promise<ImageReceiver> {
  const { format, multifd, receiver, image } = opaque
  try {
    const listener = new QemuListener({ path, socketPath, channels: multifd.channels }, receiver)
    return {
      uri: listener.uri,
      socketPath,
      multifd,
      received: listener.received,
      progress: () => ({ ...opaque.progress(), ramBytes: 0, ramTotalBytes: 0 }),
      abort: (reason) => listener.abort(reason),
      async publish() {
        const length = await opaque.publish()
        // A pipe or a device has no size, and no blocks of its own.
        const size =
          target === undefined
            ? await imageSize(path, format, multifd.channels)
            : { fileBytes: length, allocatedBytes: length }
        return { path, format, ...size, ramBytes: 0, zeroBytes: 0 }
      },
      async [Symbol.asyncDispose]() {
        await listener[Symbol.asyncDispose]()
        await image[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await image[Symbol.asyncDispose]()
    throw error
  }
}
