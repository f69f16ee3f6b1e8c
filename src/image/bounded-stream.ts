import { STREAM_MAGIC } from '../wire/stream-constants.ts'
import { imageDamaged, imageTruncated } from './image-fault.ts'
import type { SingleStream } from './saved-machine.ts'

/**
 * The same stream, which ends with an error if it does not begin as QEMU's streams do, or is longer than `maxBytes`: compressed data of a few kilobytes can
 * expand to terabytes.
 */
export function boundedStream(
  path: string,
  stream: SingleStream,
  maxBytes: () => number,
): SingleStream {
  return { ...stream, open: (onRead) => bounded(path, stream.open(onRead), maxBytes()) }
}

/** @throws ImageError IMAGE_CORRUPT, IMAGE_TRUNCATED */
async function* bounded(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let length = 0
  for await (const piece of pieces) {
    const head = piece.subarray(0, Math.max(0, STREAM_MAGIC.length - length))
    if (!head.every((byte, at) => byte === STREAM_MAGIC[length + at]))
      throw imageDamaged(path, 'its machine state is not a QEMU stream of version 3')
    length += piece.length
    if (length > maxBytes)
      throw imageDamaged(
        path,
        `its machine state is longer than ${maxBytes} bytes, which is more than its machine has`,
      )
    yield piece
  }
  if (length < STREAM_MAGIC.length) throw imageTruncated(path, 'it has no machine state')
}
