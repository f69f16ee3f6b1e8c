import type { BadChunk } from '../../image/digest/check-chunks.ts'
import { CHUNK_LENGTH, type ImageDigest, firstChunk } from '../../image/digest/layout.ts'
import type { AnsweringThread } from '../answering-thread.ts'
import { shareItems } from '../share-groups.ts'
import type { CheckAnswer, CheckJob } from './check-job.ts'
import type { ReadingOptions } from './reading.ts'

/** How much of the file one thread takes at once. */
const EXTENT_CHUNKS = 32

/** A file, its digest, and threads that read it. */
interface DigestedFile {
  readonly path: string
  readonly digest: ImageDigest
  readonly threads: readonly AnsweringThread<CheckJob, CheckAnswer>[]
}

/** Reads a file and compares all of it with its digest. Returns the chunks that differ, in their order. @throws CancelledError */
export async function compareDigest(
  { path, digest, threads }: DigestedFile,
  { signal, onRead }: ReadingOptions,
): Promise<readonly BadChunk[]> {
  const { crcs, bodyOffset, fileLength } = digest
  const first = firstChunk(digest)
  const bad: BadChunk[] = []
  const share = { workers: threads.length, operation: `read ${path}`, signal }
  await shareItems(extents(crcs.length), share, async (start, worker) => {
    const count = Math.min(EXTENT_CHUNKS, crcs.length - start)
    const offset = (first + start) * CHUNK_LENGTH
    const length = Math.min(count * CHUNK_LENGTH, fileLength - offset)
    const skip = Math.max(0, bodyOffset - offset)
    const answer = await threads[worker]?.ask({
      kind: 'extent',
      offset,
      length,
      chunks: { length: CHUNK_LENGTH, skip },
    })
    if (answer?.kind !== 'extent') return
    onRead(length)
    for (const [index, crc] of answer.crcs.entries()) {
      const at = offset + index * CHUNK_LENGTH
      if (crc === crcs[start + index]) continue
      const from = Math.max(at, bodyOffset)
      bad.push({ offset: from, length: Math.min(at + CHUNK_LENGTH, fileLength) - from })
    }
  })
  return bad.toSorted((a, b) => a.offset - b.offset)
}

function* extents(count: number): Generator<number, void, undefined> {
  for (let start = 0; start < count; start += EXTENT_CHUNKS) yield start
}
