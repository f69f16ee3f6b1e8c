import { NewImage } from '../../image/new-image.ts'
import type { ImageReceiver, ImageReceiverOptions } from '../image-receiver.ts'
import { StreamsToFiles } from '../receive/streams-to-files.ts'
import { openOpaqueReceiver } from './opaque.ts'
import { openStreamReceiver } from './stream.ts'

/** Receives a machine over one connection into libvirt's `raw` format. @throws StorageError, UsageError */
export async function openRawReceiver(options: ImageReceiverOptions): Promise<ImageReceiver> {
  const { path, target } = options
  // A pipe takes neither aligned pieces nor offsets.
  if (target?.kind === 'pipe') return openStreamReceiver('raw')(options)
  const image = await NewImage.create(path, { ...options, format: 'raw', device: target })
  const receiver = new StreamsToFiles({ file: image.file, start: image.bodyOffset })
  return openOpaqueReceiver(options, {
    format: 'raw',
    multifd: { channels: 0, compression: 'none' },
    receiver,
    progress() {
      const { mainBytes, channelBytes, fileBytes } = receiver.progress()
      return { transferredBytes: mainBytes, fileBytes, channelBytes }
    },
    async publish() {
      const length = image.bodyOffset + receiver.main.bytesRead
      await image.publish(length)
      return length
    },
    image,
  })
}
