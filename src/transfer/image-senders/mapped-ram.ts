import type { MappedRamFile, SavedMachine } from '../../image/saved-machine.ts'
import { blockOfBackend } from './backend-block.ts'
import { fileUri } from '../file-uri.ts'
import type { ImageSender, ImageSenderOptions } from './image-sender.ts'

/**
 * Leaves the loading to QEMU's own mapped-ram loader, with one channel for each reader. Each channel reads the places of its pages. QEMU gets the
 * very file that was opened and checked.
 * @throws ImageError IMAGE_INCOMPATIBLE when a backend and its block do not match
 */
export function openMappedRamSender(
  { path, pages }: SavedMachine,
  file: MappedRamFile,
  options: ImageSenderOptions,
): ImageSender {
  const { blocks = [] } = pages ?? {}
  for (const backend of options.backends) blockOfBackend(path, blocks, backend)
  let storedBytes = 0
  for (let frame = 0; frame < (pages?.frameCount ?? 0); frame += 1)
    storedBytes += pages?.storedLength(frame) ?? 0
  return {
    memoryFiles: new Map(),
    multifd: { channels: options.readers, compression: 'none' },
    mappedRam: {
      uri: fileUri(file.fd, file.offset),
      directIo: file.direct,
    },
    send: () => Promise.resolve(),
    progress: () => ({
      transferredBytes: 0,
      ramBytes: 0,
      // Zero pages need not be loaded.
      ramTotalBytes: storedBytes,
      fileBytes: 0,
      channelBytes: [],
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
