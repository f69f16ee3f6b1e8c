import koffi, { type LibraryHandle } from 'koffi'
import { promisify } from 'node:util'
import { inflate, zstdDecompress } from 'node:zlib'

/** What pieces of memory are compressed with. */
export type Codec = 'zlib' | 'zstd'

type Decompress = (stored: Uint8Array, target: Uint8Array) => Promise<number>

/**
 * Decompresses one piece into given memory on the thread pool; gives how many bytes it has. Rejects when it is damaged, or has
 * more than fit.
 *
 * Calls the libzstd and zlib that are inside Node: `node:zlib` gives new memory with each result, which costs it nearly half of
 * the time (notes/node.md). Where they cannot be reached, `node:zlib` does the work.
 */
export function decompress(codec: Codec, stored: Uint8Array, target: Uint8Array): Promise<number> {
  return (native ?? portable)[codec](stored, target)
}

const native = findNative()

function findNative(): Readonly<Record<Codec, Decompress>> | undefined {
  try {
    const node = koffi.load(null)
    const zstd = node.func(
      'size_t ZSTD_decompress(void *target, size_t capacity, const void *stored, size_t length)',
    )
    const zstdErrorName = node.func('const char *ZSTD_getErrorName(size_t code)')
    const uncompress = node.func(
      'int uncompress(void *target, _Inout_ unsigned long *capacity, const void *stored, unsigned long length)',
    )
    return {
      zstd: async (stored, target) => {
        const length = await onPool<number | bigint>(
          zstd,
          target,
          target.length,
          stored,
          stored.length,
        )
        // Error codes are at the end of the range, where koffi gives a bigint.
        if (typeof length === 'number' && length <= target.length) return length
        throw new Error(`zstd: ${String(zstdErrorName(length))}`)
      },
      zlib: async (stored, target) => {
        const length = [target.length]
        const code = await onPool<number>(uncompress, target, length, stored, stored.length)
        if (code === 0 && length[0] !== undefined) return length[0]
        throw new Error(`zlib: error ${code}`)
      },
    }
  } catch {
    return undefined
  }
}

function onPool<T>(
  call: ReturnType<LibraryHandle['func']>,
  ...args: readonly unknown[]
): Promise<T> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error: Error | null, result: T) => {
      if (error === null) resolve(result)
      else reject(error)
    })
  })
}

// A little more room than the result takes: when a chunk is filled to its last byte, node:zlib allocates another to see that
// nothing follows.
const SPARE = 64

/** The same by `node:zlib` alone. */
export const portable: Readonly<Record<Codec, Decompress>> = {
  zlib: viaNode(promisify(inflate)),
  zstd: viaNode(promisify(zstdDecompress)),
}

function viaNode(
  run: (
    stored: Uint8Array,
    options: { readonly chunkSize: number; readonly maxOutputLength: number },
  ) => Promise<Buffer>,
): Decompress {
  return async (stored, target) => {
    // One chunk for the whole result, so that nothing is put together afterwards and zstd can write it in one pass.
    const bounds = { chunkSize: target.length + SPARE, maxOutputLength: target.length }
    const bytes = await run(stored, bounds)
    target.set(bytes)
    return bytes.length
  }
}
