import { promisify } from 'node:util'
import { inflate, zstdDecompress } from 'node:zlib'
import type { FrameCodec } from './frame-table.ts'

const run = { zlib: promisify(inflate), zstd: promisify(zstdDecompress) }

// A little more room than the result takes: when a chunk is filled to its last byte, zlib allocates another to see that nothing follows.
const SPARE = 64

/**
 * Decompresses one frame on the thread pool. A frame that grows beyond `length` is stopped there; a result of another length is
 * the caller's to refuse.
 */
export async function decompress(
  codec: Exclude<FrameCodec, 'none'>,
  stored: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  // One chunk for the whole result, so that nothing is put together afterwards and zstd can write it in one pass.
  const options = { chunkSize: length + SPARE, maxOutputLength: length }
  return run[codec](stored, options)
}
