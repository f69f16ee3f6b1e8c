import { crc32c } from '../../io/crc32c.ts'
import type { ImageError } from '../../errors.ts'
import { imageDamaged } from '../image-fault.ts'
import { CHUNK_LENGTH, type ImageDigest, firstChunk } from './layout.ts'

/** Bytes of a file that do not match their digest. */
export interface BadChunk {
  readonly offset: number
  readonly length: number
}

/** The chunks among `bytes`, which begin at `offset`, that do not match. Chunks of which `bytes` has only a part are left out. */
export function badChunks(digest: ImageDigest, bytes: Uint8Array, offset: number): BadChunk[] {
  const { bodyOffset, fileLength, crcs } = digest
  const first = firstChunk(digest)
  const end = offset + bytes.length
  const bad: BadChunk[] = []
  for (let chunk = Math.floor(offset / CHUNK_LENGTH); chunk * CHUNK_LENGTH < end; chunk += 1) {
    const from = Math.max(chunk * CHUNK_LENGTH, bodyOffset)
    const to = Math.min((chunk + 1) * CHUNK_LENGTH, fileLength)
    if (from < offset || to > end || to <= from) continue
    if (crc32c(bytes.subarray(from - offset, to - offset)) === crcs[chunk - first]) continue
    bad.push({ offset: from, length: to - from })
  }
  return bad
}

/** The error for such a chunk. */
export function badChunk(path: string, { offset, length }: BadChunk): ImageError {
  const what = `bytes ${offset} to ${offset + length} do not match its digest`
  return imageDamaged(path, what, { offset })
}
