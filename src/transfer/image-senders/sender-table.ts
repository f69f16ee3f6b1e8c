import { InternalError } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { openChannelsSender } from './channels.ts'
import { openMappedRamSender } from './mapped-ram.ts'
import { openPagesSender } from './pages.ts'
import type { ImageSender, ImageSenderOptions } from './image-sender.ts'
import { openStreamSender } from './stream.ts'

/**
 * Selects the sender for an image: QEMU's own loader where it has one, otherwise the fastest. The sender begins to fill memory files at once. The
 * image must stay open until the sender is disposed.
 * @throws ImageError IMAGE_INCOMPATIBLE when the image does not fit the backends
 */
export function openImageSender(machine: SavedMachine, options: ImageSenderOptions): ImageSender {
  const { pages, deviceState, channels, stream, mappedRam } = machine
  // QEMU must not load blocks that it has already mapped.
  if (mappedRam !== undefined && options.mappedRam === true && options.mapped === undefined)
    return openMappedRamSender(machine, mappedRam, options)
  if (pages !== undefined && deviceState !== undefined)
    return openPagesSender(machine.path, pages, deviceState, options)
  if (channels !== undefined) return openChannelsSender(channels, options)
  if (stream !== undefined) return openStreamSender(stream, options)
  throw new InternalError(`${machine.path} offers nothing to restore from`)
}
