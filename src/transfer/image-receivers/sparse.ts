import { stat } from 'node:fs/promises'
import { imageSize } from '../../image/image-size.ts'
import { NewImage } from '../../image/new-image.ts'
import { fileUri } from '../file-uri.ts'
import type { ImageReceiver, ImageReceiverOptions } from '../image-receiver.ts'

/** Makes QEMU itself write libvirt's `sparse` format after the description (docs/format/sparse.md). @throws StorageError, UsageError */
export async function openSparseReceiver(options: ImageReceiverOptions): Promise<ImageReceiver> {
  const { path, description, direct, channels, digest } = options
  const format = 'sparse'
  const image = await NewImage.create(path, { format, description, direct, digest })
  const { path: partial, fd } = image.file
  const channelBytes = Array.from({ length: channels }, () => 0)
  return {
    // A QEMU that we did not start may run as another user, who can open a path, but not our descriptors.
    uri: partial.includes(',offset=')
      ? fileUri(fd, image.bodyOffset)
      : `file:${partial},offset=${image.bodyOffset}`,
    socketPath: undefined,
    multifd: { channels, compression: 'none' },
    mappedRam: { fd, offset: image.bodyOffset, directIo: image.file.direct },
    // Only QEMU reports its progress and its end.
    received: Promise.resolve(),
    progress: () => ({
      ...{ transferredBytes: 0, ramBytes: 0, ramTotalBytes: 0, fileBytes: 0 },
      channelBytes,
    }),
    abort: () => undefined,
    async publish() {
      image.writtenByOthers()
      await image.publish((await stat(partial)).size)
      return { path, format, ...(await imageSize(path, format, 0)), ramBytes: 0, zeroBytes: 0 }
    },
    [Symbol.asyncDispose]: () => image[Symbol.asyncDispose](),
  }
}
