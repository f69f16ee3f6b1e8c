import type { SavedMachine } from '../../image/saved-machine.ts'
import { openChannelsSender } from '../../transfer/image-senders/channels.ts'
import type { ImageSender } from '../../transfer/image-senders/image-sender.ts'
import { openStreamSender } from '../../transfer/image-senders/stream.ts'
import { boundedImage } from '../machine/bounded-image.ts'
import { completeSource } from './complete-source.ts'
import { sendMachine } from './send-machine.ts'
import type { OpenLoader } from './source-choice.ts'

/** Sends QEMU's own streams back to it verbatim: one, or a main stream and its channels. `undefined` for another image. */
export function considerStreams(image: SavedMachine): OpenLoader | undefined {
  const { channels, stream } = boundedImage(image)
  if (channels !== undefined) return carry((signal) => openChannelsSender(channels, { signal }))
  if (stream !== undefined) return carry((signal) => openStreamSender(stream, { signal }))
  return undefined
}

function carry(open: (signal: AbortSignal | undefined) => ImageSender): OpenLoader {
  return ({ paths, signal }) => {
    const sender = open(signal)
    return completeSource({
      bring: (qemu, options) => sendMachine(qemu, sender, paths.migrationSocket, options),
      brought: { mode: 'load', allMemory: true },
      dispose: () => sender[Symbol.asyncDispose](),
    })
  }
}
