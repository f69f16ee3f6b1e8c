import type { Compressor, Decompressor, PoolCompressor } from './codec.ts'

/**
 * Codec methods made from functions that put each result into new memory, as those of `node:zlib` do. They are slower than methods that write into
 * given memory, and work wherever Node does.
 */
export interface CopyingFunctions {
  compress(bytes: Uint8Array, level: number): Uint8Array
  compressOnPool(bytes: Uint8Array, level: number): Promise<Uint8Array>
  /** Fails when there are more than `most` bytes. */
  decompress(stored: Uint8Array, most: number): Uint8Array
  decompressOnPool(stored: Uint8Array, most: number): Promise<Uint8Array>
}

/** The methods that copy results into the given memory. */
export interface ThroughCopy {
  makeCompressor(): Compressor
  makePoolCompressor(): PoolCompressor
  makeDecompressor(): Decompressor
  decompress(stored: Uint8Array, target: Uint8Array): Promise<number>
}

/** Makes codec methods of functions that allocate. */
export function throughCopy(functions: CopyingFunctions): ThroughCopy {
  return {
    makeCompressor: () => ({
      compress: (bytes, target, level) => fitted(functions.compress(bytes, level), target),
    }),
    makePoolCompressor: () => ({
      compress: async (bytes, target, level) =>
        fitted(await functions.compressOnPool(bytes, level), target),
      [Symbol.dispose]: () => undefined,
    }),
    makeDecompressor: () => (stored, target) =>
      copied(functions.decompress(stored, target.length), target),
    decompress: async (stored, target) =>
      copied(await functions.decompressOnPool(stored, target.length), target),
  }
}

// A little more space than the result takes: when a chunk is filled to its last byte, node:zlib allocates another to check that nothing follows.
const SPARE = 64

/** Bounds for `node:zlib`: one chunk for the whole result, so that no chunks are joined afterwards and zstd can write it in one pass. */
export function oneChunk(most: number): {
  readonly chunkSize: number
  readonly maxOutputLength: number
} {
  return { chunkSize: most + SPARE, maxOutputLength: most }
}

function fitted(result: Uint8Array, target: Uint8Array): number | undefined {
  return result.length > target.length ? undefined : copied(result, target)
}

function copied(result: Uint8Array, target: Uint8Array): number {
  target.set(result)
  return result.length
}
