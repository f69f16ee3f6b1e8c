import { NewStreamImage } from '../../image/new-stream-image.ts'
import type { StreamFormat } from '../../image/save-format.ts'
import type { ImageReceiver, ImageReceiverOptions } from '../image-receiver.ts'
import { StreamToSink } from '../receive/stream-to-sink.ts'
import { openOpaqueReceiver } from './opaque.ts'

/** Receives a machine over one connection, piece by piece: into a compressed format on all processors, or into a pipe. @throws StorageError, UsageError */
export function openStreamReceiver(
  format: StreamFormat,
): (options: ImageReceiverOptions) => Promise<ImageReceiver> {
  return async (options) => {
    const { compressionLevel } = options
    const image = await NewStreamImage.create(options.path, {
      ...options,
      format,
      level: compressionLevel === 'adaptive' ? undefined : compressionLevel,
    })
    const receiver = new StreamToSink(image.stream)
    return openOpaqueReceiver(options, {
      format,
      multifd: { channels: 0, compression: 'none' },
      receiver,
      progress: () => ({
        transferredBytes: receiver.receivedBytes,
        fileBytes: image.fileBytes,
        channelBytes: [],
      }),
      publish: () => image.publish(),
      image,
    })
  }
}
