import { Readable, type Transform } from 'node:stream'

/** What an unpacker of `node:zlib` makes of pieces that hold for as long as they are used. An error of either side ends both. */
export async function* streamThrough(
  pieces: AsyncIterable<Uint8Array>,
  unpacker: Transform,
): AsyncGenerator<Uint8Array> {
  const input = Readable.from(pieces, { objectMode: true, highWaterMark: 2 })
  input.once('error', (error) => unpacker.destroy(error))
  try {
    yield* input.pipe(unpacker) as AsyncIterable<Uint8Array>
  } finally {
    input.destroy()
    unpacker.destroy()
  }
}
