import { stat } from 'node:fs/promises'
import { NewImage } from '../../image/new-image.ts'
import { fileUri } from '../file-uri.ts'
import type {
  SavedImage,
  ImageReceiver,
  ImageReceiverOptions,
  TransferProgress,
} from '../image-receiver.ts'

/** Makes QEMU itself write libvirt's `sparse` format after the description (docs/format/sparse.md). @throws StorageError, UsageError */
export async function openSparseReceiver(options: ImageReceiverOptions): Promise<ImageReceiver> {
  const { path, description, direct, channels } = options
  const image = await NewImage.create(path, { format: 'sparse', description, direct })
  const size = async (): Promise<number> => (await stat(image.file.path)).size
  const { path: partial, fd } = image.file
  return {
    // A QEMU that we did not start may run as another user, who can open a path, but not our descriptors.
    uri: partial.includes(',offset=')
      ? fileUri(fd, image.bodyOffset)
      : `file:${partial},offset=${image.bodyOffset}`,
    multifd: { channels, compression: 'none' },
    mappedRam: { directIo: image.file.direct },
    // Nothing arrives here: only QEMU reports when it has finished.
    received: Promise.resolve(),
    progress: () => nothingYet(channels),
    async publish(): Promise<SavedImage> {
      const fileBytes = await size()
      await image.publish(fileBytes)
      const { blocks } = await stat(path)
      const allocatedBytes = blocks * 512
      return { path, format: 'sparse', fileBytes, allocatedBytes, ramBytes: 0, zeroBytes: 0 }
    },
    [Symbol.asyncDispose]: () => image[Symbol.asyncDispose](),
  }
}

/** QEMU reports the progress of this format. */
function nothingYet(channels: number): TransferProgress {
  const channelBytes = Array.from({ length: channels }, () => 0)
  return { transferredBytes: 0, ramBytes: 0, ramTotalBytes: 0, fileBytes: 0, channelBytes }
}
