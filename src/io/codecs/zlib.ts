import { promisify } from 'node:util'
import { deflate, deflateSync, inflate, inflateSync } from 'node:zlib'
import { atFirstUse } from '../at-first-use.ts'
import type { CodecMethods } from './codec.ts'
import { insideNode, onPool } from './native.ts'
import { oneChunk, throughCopy } from './through-copy.ts'

const deflateAsync = atFirstUse(() => promisify(deflate))
const inflateAsync = atFirstUse(() => promisify(inflate))

/** zlib with `node:zlib` alone. */
export const portableZlib: CodecMethods = {
  levels: [1, 9],
  ladder: [1, 3, 6],
  ...throughCopy({
    compress: (bytes, level) => deflateSync(bytes, { level, chunkSize: bytes.length + 1024 }),
    compressOnPool: (bytes, level) =>
      deflateAsync()(bytes, { level, chunkSize: bytes.length + 1024 }),
    decompress: (stored, most) => inflateSync(stored, oneChunk(most)),
    decompressOnPool: (stored, most) => inflateAsync()(stored, oneChunk(most)),
  }),
}

/**
 * zlib streams (RFC 1950). Decompressing calls the zlib inside Node, because `node:zlib` allocates memory for each result, which takes
 * nearly half of its time.
 */
export const zlib: CodecMethods = {
  ...portableZlib,
  makeDecompressor() {
    const uncompress = native()
    if (uncompress === undefined) return portableZlib.makeDecompressor()
    return (stored, target) => {
      const length = [target.length]
      return checked(uncompress(target, length, stored, stored.length), length)
    }
  },
  async decompress(stored, target) {
    const uncompress = native()
    if (uncompress === undefined) return portableZlib.decompress(stored, target)
    const length = [target.length]
    return checked(await onPool(uncompress, target, length, stored, stored.length), length)
  },
}

const native = insideNode((node) =>
  node.func(
    'int uncompress(void *target, _Inout_ unsigned long *capacity, const void *stored, unsigned long length)',
  ),
)

function checked(code: unknown, length: readonly (number | undefined)[]): number {
  if (code === 0 && length[0] !== undefined) return length[0]
  throw new Error(`zlib: error ${String(code)}`)
}
