import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { atFirstUse } from '../at-first-use.ts'
import type { CodecMethods } from './codec.ts'
import type { NativeFunction } from '../koffi.ts'
import { insideNode, onPool } from './native.ts'
import { oneChunk, throughCopy } from './through-copy.ts'

const compressAsync = atFirstUse(() => promisify(zlib.zstdCompress))
const decompressAsync = atFirstUse(() => promisify(zlib.zstdDecompress))

/** zstd with `node:zlib` alone. */
export const portableZstd: CodecMethods = {
  levels: [-7, 19],
  // The negative levels cost as much as 1 and leave more (notes/node/zstd.md).
  ladder: [1, 3],
  ...throughCopy({
    compress: (bytes, level) => zlib.zstdCompressSync(bytes, options(bytes, level)),
    compressOnPool: (bytes, level) => compressAsync()(bytes, options(bytes, level)),
    decompress: (stored, most) => zlib.zstdDecompressSync(stored, oneChunk(most)),
    decompressOnPool: (stored, most) => decompressAsync()(stored, oneChunk(most)),
  }),
}

/**
 * zstd frames (RFC 8878), by the libzstd inside Node. `node:zlib` creates a context for each piece, which takes longer than compressing
 * 64 KiB or decompressing 16 KiB (notes/node/zstd.md), and allocates memory for each result, which takes nearly half of the time of
 * decompressing. Compressors and decompressors here keep one context.
 */
export const zstd: CodecMethods = {
  ...portableZstd,
  makeCompressor() {
    const library = native()
    if (library === undefined) return portableZstd.makeCompressor()
    const context: unknown = library.createCompressing()
    return {
      compress: (bytes, target, level) =>
        fitting(
          library.compress(context, target, target.length, bytes, bytes.length, level),
          target,
        ),
    }
  },
  makePoolCompressor() {
    const library = native()
    if (library === undefined) return portableZstd.makePoolCompressor()
    const context: unknown = library.createCompressing()
    const { compress } = library
    return {
      compress: async (bytes, target, level) =>
        fitting(
          await onPool(compress, context, target, target.length, bytes, bytes.length, level),
          target,
        ),
      [Symbol.dispose]: () => void library.freeCompressing(context),
    }
  },
  makeDecompressor() {
    const library = native()
    if (library === undefined) return portableZstd.makeDecompressor()
    const context: unknown = library.createDecompressing()
    return (stored, target) =>
      checked(
        library,
        library.decompressIn(context, target, target.length, stored, stored.length),
        target,
      )
  },
  async decompress(stored, target) {
    const library = native()
    if (library === undefined) return portableZstd.decompress(stored, target)
    const { decompress } = library
    const result = await onPool(decompress, target, target.length, stored, stored.length)
    return checked(library, result, target)
  },
}

interface Libzstd {
  readonly createCompressing: NativeFunction
  readonly freeCompressing: NativeFunction
  readonly compress: NativeFunction
  readonly createDecompressing: NativeFunction
  readonly decompressIn: NativeFunction
  readonly decompress: NativeFunction
  readonly errorName: NativeFunction
}

const native = insideNode((node): Libzstd => {
  const piece = 'void *target, size_t capacity, const void *bytes, size_t length'
  return {
    createCompressing: node.func('void *ZSTD_createCCtx()'),
    freeCompressing: node.func('size_t ZSTD_freeCCtx(void *context)'),
    compress: node.func(`size_t ZSTD_compressCCtx(void *context, ${piece}, int level)`),
    createDecompressing: node.func('void *ZSTD_createDCtx()'),
    decompressIn: node.func(`size_t ZSTD_decompressDCtx(void *context, ${piece})`),
    decompress: node.func(`size_t ZSTD_decompress(${piece})`),
    errorName: node.func('const char *ZSTD_getErrorName(size_t code)'),
  }
})

/** Error codes are at the end of the range, where koffi returns a bigint. */
function fitting(result: unknown, target: Uint8Array): number | undefined {
  return typeof result === 'number' && result <= target.length ? result : undefined
}

function checked(library: Libzstd, result: unknown, target: Uint8Array): number {
  const length = fitting(result, target)
  if (length !== undefined) return length
  throw new Error(`zstd: ${String(library.errorName(result))}`)
}

function options(
  bytes: Uint8Array,
  level: number,
): { readonly params: Record<number, number>; readonly chunkSize: number } {
  return {
    params: { [zlib.constants.ZSTD_c_compressionLevel]: level },
    chunkSize: bytes.length + 1024,
  }
}
