import koffi, { type LibraryHandle } from 'koffi'
import { promisify } from 'node:util'
import {
  constants,
  deflate as deflateCallback,
  deflateSync,
  zstdCompress,
  zstdCompressSync,
} from 'node:zlib'

/** Compresses pieces of memory, one after another, into given memory. */
export interface Compressor {
  /** Returns the length of the result, or `undefined` when it does not fit into `target`. */
  compress(bytes: Uint8Array, target: Uint8Array, level: number): number | undefined
}

/**
 * A compressor that works on the calling thread. For zstd it keeps one context of the libzstd inside Node: `node:zlib` creates a context for each
 * piece, which takes longer than compressing 64 KiB (notes/node/zstd.md). Where that library is not accessible, `node:zlib` does the work.
 */
export function makeCompressor(codec: 'zlib' | 'zstd'): Compressor {
  return codec === 'zlib' ? portable(deflate) : (contextCompressor() ?? portable(zstd))
}

/** A compressor that works on the thread pool, one piece at a time. Do not dispose it while it works. */
export interface PoolCompressor extends Disposable {
  /** Returns the length of the result, or `undefined` when it does not fit into `target`. */
  compress(bytes: Uint8Array, target: Uint8Array, level: number): Promise<number | undefined>
}

/** Makes a compressor on the thread pool: several of them work at the same time. */
export function makePoolCompressor(codec: 'zlib' | 'zstd'): PoolCompressor {
  return codec === 'zlib'
    ? portableOnPool(deflateOnPool)
    : (contextOnPool() ?? portableOnPool(zstdOnPool))
}

function contextCompressor(): Compressor | undefined {
  const native = findNative()
  if (native === undefined) return undefined
  const context: unknown = native.create()
  return {
    compress: (bytes, target, level) =>
      fitting(
        native.run(context, target, target.length, bytes, bytes.length, level) as unknown,
        target,
      ),
  }
}

function contextOnPool(): PoolCompressor | undefined {
  const native = findNative()
  if (native === undefined) return undefined
  const context: unknown = native.create()
  return {
    compress: (bytes, target, level) =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null, length: unknown): void => {
          if (error === null) resolve(fitting(length, target))
          else reject(error)
        }
        native.run.async(context, target, target.length, bytes, bytes.length, level, done)
      }),
    [Symbol.dispose]: () => void native.free(context),
  }
}

interface Native {
  readonly create: LibraryFunction
  readonly free: LibraryFunction
  readonly run: LibraryFunction
}

type LibraryFunction = ReturnType<LibraryHandle['func']>

/** Finds the libzstd inside Node. */
function findNative(): Native | undefined {
  try {
    const node = koffi.load(null)
    return {
      create: node.func('void *ZSTD_createCCtx()'),
      free: node.func('size_t ZSTD_freeCCtx(void *context)'),
      run: node.func(
        'size_t ZSTD_compressCCtx(void *context, void *target, size_t capacity, const void *bytes, size_t length, int level)',
      ),
    }
  } catch {
    return undefined
  }
}

function fitting(length: unknown, target: Uint8Array): number | undefined {
  // Error codes are at the end of the range, where koffi returns a bigint.
  return typeof length === 'number' && length <= target.length ? length : undefined
}

function portableOnPool(
  run: (bytes: Uint8Array, level: number) => Promise<Uint8Array>,
): PoolCompressor {
  return {
    compress: async (bytes, target, level) => {
      const result = await run(bytes, level)
      if (result.length > target.length) return undefined
      target.set(result)
      return result.length
    },
    [Symbol.dispose]: () => undefined,
  }
}

const deflateAsync = promisify(deflateCallback)
const zstdAsync = promisify(zstdCompress)

function deflateOnPool(bytes: Uint8Array, level: number): Promise<Uint8Array> {
  return deflateAsync(bytes, { level, chunkSize: bytes.length + 1024 })
}

function zstdOnPool(bytes: Uint8Array, level: number): Promise<Uint8Array> {
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  return zstdAsync(bytes, { params, chunkSize: bytes.length + 1024 })
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
