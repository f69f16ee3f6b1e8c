import { NewImage } from '../../image/new-image.ts'
import type { ImageReceiver, ImageReceiverOptions } from '../image-receiver.ts'
import { StreamsToFiles } from '../receive/streams-to-files.ts'
import { openOpaqueReceiver } from './opaque.ts'

/** Receives a machine over one connection into libvirt's `raw` format. @throws StorageError, UsageError */
export async function openRawReceiver(options: ImageReceiverOptions): Promise<ImageReceiver> {
  const { path, description, direct, digest } = options
  const image = await NewImage.create(path, { format: 'raw', description, direct, digest })
  const receiver = new StreamsToFiles({ file: image.file, start: image.bodyOffset })
  return openOpaqueReceiver(options, {
    format: 'raw',
    multifd: { channels: 0, compression: 'none' },
    receiver,
    progress() {
      const { mainBytes, channelBytes, fileBytes } = receiver.progress()
      return { transferredBytes: mainBytes, fileBytes, channelBytes }
    },
    publish: () => image.publish(image.bodyOffset + receiver.main.bytesRead),
    image,
  })
}
