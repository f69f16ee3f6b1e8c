import { Readable, type Transform } from 'node:stream'

/** The output of an unpacker of `node:zlib`. Each piece stays valid while it is in use. An error on either side ends both. */
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
