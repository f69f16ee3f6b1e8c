import { InternalError } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { openChannelsFeed } from './channels.ts'
import { openMappedRamFeed } from './mapped-ram.ts'
import { openPagesFeed } from './pages.ts'
import type { RestoreFeed, RestoreFeedOptions } from './image-sender.ts'
import { openStreamFeed } from './stream.ts'

/**
 * The feed for what an image offers: what QEMU can load by itself it shall, else the fastest first. It begins to fill memory files at once. The image must stay open until
 * the feed is disposed.
 * @throws ImageError IMAGE_INCOMPATIBLE when the image does not fit the backends
 */
export function openRestoreFeed(machine: SavedMachine, options: RestoreFeedOptions): RestoreFeed {
  const { pages, deviceState, channels, stream, mappedRam } = machine
  // With blocks that QEMU maps already it must not load them.
  if (mappedRam !== undefined && options.mappedRam === true && options.mapped === undefined)
    return openMappedRamFeed(machine, mappedRam, options)
  if (pages !== undefined && deviceState !== undefined)
    return openPagesFeed(machine.path, pages, deviceState, options)
  if (channels !== undefined) return openChannelsFeed(channels, options)
  if (stream !== undefined) return openStreamFeed(stream, options)
  throw new InternalError(`${machine.path} offers nothing to restore from`)
}
