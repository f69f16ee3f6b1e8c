import { crc32c } from '@node-rs/crc32'
import { ChannelsWriter } from '../../src/image/channels/writer.ts'

/** Bytes that differ from stream to stream. */
export function streamBytes(seed: number, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, at) => (at * seed + (at >> 8)) & 0xff))
}

/** A writer whose streams are written. The caller may publish it with `written`. */
export interface FilledWriter extends AsyncDisposable {
  readonly writer: ChannelsWriter
  publish(): Promise<number>
}

/** Begins a `channels` image with one channel per given stream. */
export async function fillChannelsImage(
  path: string,
  main: Uint8Array,
  channels: readonly Uint8Array[],
): Promise<FilledWriter> {
  const writer = await ChannelsWriter.create(path, {
    description: { xml: '<domain/>', cookie: undefined, wasRunning: true },
    channels: channels.length,
    compression: 'none',
    direct: true,
  })
  await writer.main.write(main, writer.mainOffset)
  for (const [channel, bytes] of channels.entries()) await writer.channels[channel]?.write(bytes, 0)
  return {
    writer,
    publish: () =>
      writer.publish({
        mainLength: main.length,
        mainCrc: crc32c(main),
        channels: channels.map((bytes) => ({
          length: bytes.length,
          crc: crc32c(bytes),
          headCrc: crc32c(bytes.subarray(0, 4096)),
        })),
      }),
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  }
}

/** Writes a complete image. */
export async function writeChannelsImage(
  path: string,
  main: Uint8Array,
  channels: readonly Uint8Array[],
): Promise<void> {
  await using filled = await fillChannelsImage(path, main, channels)
  await filled.publish()
}
