import { InternalError } from '../../errors.ts'
import { imageSize } from '../../image/image-size.ts'
import { StasisWriter } from '../../image/stasis/writer.ts'
import type { ImageReceiver, ImageReceiverOptions, ReceiverStart } from '../image-receiver.ts'
import { FramePipeline } from '../receive/frame-pipeline.ts'
import { Receivers } from '../receive/receivers.ts'
import { choosePacketLevels } from '../compression/packet-levels.ts'
import { QemuListener } from '../receive/qemu-listener.ts'

/** Starts the threads that receive a machine over multifd channels into one `stasis` container. @throws StorageError when the host has no thread left */
export function startStasisReceiver({
  codec,
  channels,
}: Pick<ImageReceiverOptions, 'codec' | 'channels'>): ReceiverStart {
  const receivers = new Receivers(codec, channels)
  return {
    open: (options) => openStasisReceiver(options, receivers),
    // A pipeline may have ended them before.
    [Symbol.asyncDispose]: () => receivers[Symbol.asyncDispose](),
  }
}

async function openStasisReceiver(
  options: ImageReceiverOptions,
  receivers: Receivers,
): Promise<ImageReceiver> {
  const { path, channels, codec, compressionLevel } = options
  const format = 'stasis'
  await using opened = new AsyncDisposableStack()
  const writer = opened.use(await StasisWriter.create(path, options))
  const { waitsForDisk } = writer
  const threads = receivers.threadCount
  const levels = choosePacketLevels(codec, compressionLevel, { threads, waitsForDisk })
  const pipeline = opened.use(new FramePipeline(writer, { codec, levels, channels, receivers }))
  const listener = opened.use(new QemuListener(options, pipeline))
  const open = opened.move()
  return {
    uri: listener.uri,
    socketPath: options.socketPath,
    multifd: { channels, compression: 'none' },
    received: listener.received,
    progress() {
      const { ledger, channelBytes, mainBytes, memory, lanes } = pipeline
      const { storedBytes = 0, zeroBytes = 0, ramBytes = 0 } = ledger ?? {}
      return {
        transferredBytes: channelBytes.reduce((sum, bytes) => sum + bytes, mainBytes),
        ramBytes: Math.min(storedBytes + zeroBytes, ramBytes),
        ramTotalBytes: ramBytes,
        fileBytes: writer.fileBytes,
        channelBytes,
        memory,
        lanes,
      }
    },
    abort: (reason) => listener.abort(reason),
    async publish() {
      const { ledger, state } = pipeline
      if (state === undefined || ledger === undefined)
        throw new InternalError('publish() was called before everything was received')
      await writer.publish(state)
      const size = await imageSize(path, format, channels)
      const { ramBytes, storedBytes } = ledger
      return { path, format, ...size, ramBytes, zeroBytes: ramBytes - storedBytes }
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
