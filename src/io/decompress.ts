import koffi, { type LibraryHandle } from 'koffi'
import { promisify } from 'node:util'
import { inflate, inflateSync, zstdDecompress, zstdDecompressSync } from 'node:zlib'

/** Our codecs for pieces of memory. */
export type Codec = 'zlib' | 'zstd'

/**
 * Decompresses one piece into given memory on other threads; returns its length. Rejects when the piece is damaged or does not fit. At most 256 calls
 * may be pending.
 *
 * Calls the libzstd and zlib inside Node, because `node:zlib` allocates memory for each result, which takes nearly half of its time. Where they are
 * not accessible, `node:zlib` does the work.
 */
export async function decompress(
  codec: Codec,
  stored: Uint8Array,
  target: Uint8Array,
): Promise<number> {
  if (native === undefined) return portable.decompress(codec, stored, target)
  if (codec === 'zstd') {
    const { zstd } = native
    return zstdLength(await onPool(zstd, target, target.length, stored, stored.length), target)
  }
  const length = [target.length]
  const code = await onPool(native.uncompress, target, length, stored, stored.length)
  return zlibLength(code, length)
}

/** Decompresses one piece after another on the calling thread. Throws where `decompress` rejects. */
export type Decompressor = (codec: Codec, stored: Uint8Array, target: Uint8Array) => number

/** A decompressor that keeps one context of libzstd: creating one takes as long as decompressing 16 KiB. */
export function makeDecompressor(): Decompressor {
  if (native === undefined) return portable.decompressSync
  const { createContext, zstdInContext, uncompress } = native
  const context: unknown = createContext()
  return (codec, stored, target) => {
    if (codec === 'zstd') {
      const length: unknown = zstdInContext(context, target, target.length, stored, stored.length)
      return zstdLength(length, target)
    }
    const length = [target.length]
    return zlibLength(uncompress(target, length, stored, stored.length), length)
  }
}

type NativeCall = ReturnType<LibraryHandle['func']>

interface Native {
  readonly zstd: NativeCall
  readonly createContext: NativeCall
  readonly zstdInContext: NativeCall
  readonly zstdErrorName: NativeCall
  readonly uncompress: NativeCall
}

const native = findNative()

function findNative(): Native | undefined {
  try {
    const node = koffi.load(null)
    const zstdArguments = 'void *target, size_t capacity, const void *stored, size_t length'
    return {
      zstd: node.func(`size_t ZSTD_decompress(${zstdArguments})`),
      createContext: node.func('void *ZSTD_createDCtx()'),
      zstdInContext: node.func(`size_t ZSTD_decompressDCtx(void *context, ${zstdArguments})`),
      zstdErrorName: node.func('const char *ZSTD_getErrorName(size_t code)'),
      uncompress: node.func(
        'int uncompress(void *target, _Inout_ unsigned long *capacity, const void *stored, unsigned long length)',
      ),
    }
  } catch {
    return undefined
  }
}

function onPool(call: NativeCall, ...args: readonly unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error: Error | null, result: unknown) => {
      if (error === null) resolve(result)
      else reject(error)
    })
  })
}

function zstdLength(result: unknown, target: Uint8Array): number {
  // Error codes are at the end of the range, where koffi returns a bigint.
  if (typeof result === 'number' && result <= target.length) return result
  throw new Error(`zstd: ${String(native?.zstdErrorName(result))}`)
}

function zlibLength(code: unknown, length: readonly (number | undefined)[]): number {
  if (code === 0 && length[0] !== undefined) return length[0]
  throw new Error(`zlib: error ${String(code)}`)
}

// A little more space than the result takes: when a chunk is filled to its last byte, node:zlib allocates another to check that nothing follows.
const SPARE = 64

const inflateAsync = promisify(inflate)
const zstdAsync = promisify(zstdDecompress)

interface Bounds {
  readonly chunkSize: number
  readonly maxOutputLength: number
}

/** One chunk for the whole result, so that no chunks are joined afterwards and zstd can write it in one pass. */
function boundsFor(target: Uint8Array): Bounds {
  return { chunkSize: target.length + SPARE, maxOutputLength: target.length }
}

/** The same functions with `node:zlib` alone. */
export const portable: {
  readonly decompress: typeof decompress
  readonly decompressSync: Decompressor
} = {
  async decompress(codec, stored, target) {
    const bytes = await (codec === 'zstd' ? zstdAsync : inflateAsync)(stored, boundsFor(target))
    target.set(bytes)
    return bytes.length
  },
  decompressSync(codec, stored, target) {
    const run = codec === 'zstd' ? zstdDecompressSync : inflateSync
    const bytes = run(stored, boundsFor(target))
    target.set(bytes)
    return bytes.length
  },
}
