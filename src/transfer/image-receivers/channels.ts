import { ChannelsWriter } from '../../image/channels/writer.ts'
import type { ImageReceiver, ImageReceiverOptions } from '../image-receiver.ts'
import { StreamsToFiles } from '../receive/streams-to-files.ts'
import { openOpaqueReceiver } from './opaque.ts'

/** Receives a machine over multifd channels into the `channels` layout, compressed by QEMU. @throws StorageError, UsageError */
export async function openChannelsReceiver(options: ImageReceiverOptions): Promise<ImageReceiver> {
  const { path, channels, multifdCompression: compression } = options
  const writer = await ChannelsWriter.create(path, { ...options, compression })
  const receiver = new StreamsToFiles(
    { file: writer.main, start: writer.mainOffset },
    writer.channels.map((file) => ({ file, start: 0 })),
  )
  return openOpaqueReceiver(options, {
    format: 'channels',
    multifd: { channels, compression },
    receiver,
    progress() {
      const { mainBytes, channelBytes, fileBytes } = receiver.progress()
      const transferredBytes = channelBytes.reduce((sum, bytes) => sum + bytes, mainBytes)
      return { transferredBytes, fileBytes, channelBytes }
    },
    publish: () =>
      writer.publish({
        mainLength: receiver.main.bytesRead,
        mainCrc: receiver.main.crc,
        channels: receiver.channels.map(({ bytesRead, crc, headCrc }) => ({
          length: bytesRead,
          crc,
          headCrc,
        })),
      }),
    image: writer,
  })
}
