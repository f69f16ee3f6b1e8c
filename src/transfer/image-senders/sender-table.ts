import { InternalError } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { openChannelsSender } from './channels.ts'
import { openMappedRamSender } from './mapped-ram.ts'
import { openPagesSender } from './pages.ts'
import type { ImageSender, ImageSenderOptions } from './image-sender.ts'
import { openStreamSender } from './stream.ts'

/**
 * The sender for what an image offers: what QEMU can load by itself it shall, else the fastest first. It begins to fill memory files at once. The image must stay open until
 * the sender is disposed.
 * @throws ImageError IMAGE_INCOMPATIBLE when the image does not fit the backends
 */
export function openImageSender(machine: SavedMachine, options: ImageSenderOptions): ImageSender {
  const { pages, deviceState, channels, stream, mappedRam } = machine
  // With blocks that QEMU maps already it must not load them.
  if (mappedRam !== undefined && options.mappedRam === true && options.mapped === undefined)
    return openMappedRamSender(machine, mappedRam, options)
  if (pages !== undefined && deviceState !== undefined)
    return openPagesSender(machine.path, pages, deviceState, options)
  if (channels !== undefined) return openChannelsSender(channels, options)
  if (stream !== undefined) return openStreamSender(stream, options)
  throw new InternalError(`${machine.path} offers nothing to restore from`)
}
