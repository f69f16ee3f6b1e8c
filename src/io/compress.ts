import koffi from 'koffi'
import { constants, deflateSync, zstdCompressSync } from 'node:zlib'

/** Compresses pieces of memory, one after another, into given memory. */
export interface Compressor {
  /** Gives the length of the result, or `undefined` when it does not fit into `target`. */
  compress(bytes: Uint8Array, target: Uint8Array, level: number): number | undefined
}

/**
 * A compressor that works on the calling thread. For zstd it keeps one context of the libzstd that is inside Node: `node:zlib` makes a
 * new one for each piece, which takes it longer than compressing 64 KiB (notes/node/zstd.md); where that library cannot
 * be reached, `node:zlib` does the work.
 */
export function makeCompressor(codec: 'zlib' | 'zstd'): Compressor {
  return codec === 'zlib' ? portable(deflate) : (contextCompressor() ?? portable(zstd))
}

function contextCompressor(): Compressor | undefined {
  try {
    const node = koffi.load(null)
    const create = node.func('void *ZSTD_createCCtx()')
    const run = node.func(
      'size_t ZSTD_compressCCtx(void *context, void *target, size_t capacity, const void *bytes, size_t length, int level)',
    )
    const context: unknown = create()
    return {
      compress: (bytes, target, level) => {
        const length: unknown = run(context, target, target.length, bytes, bytes.length, level)
        // Error codes are at the end of the range, where koffi gives a bigint.
        return typeof length === 'number' && length <= target.length ? length : undefined
      },
    }
  } catch {
    return undefined
  }
}

function portable(run: (bytes: Uint8Array, level: number) => Uint8Array): Compressor {
  return {
    compress: (bytes, target, level) => {
      const result = run(bytes, level)
      if (result.length > target.length) return undefined
      target.set(result)
      return result.length
    },
  }
}

function deflate(bytes: Uint8Array, level: number): Uint8Array {
  return deflateSync(bytes, { level, chunkSize: bytes.length + 1024 })
}

function zstd(bytes: Uint8Array, level: number): Uint8Array {
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  return zstdCompressSync(bytes, { params, chunkSize: bytes.length + 1024 })
}
