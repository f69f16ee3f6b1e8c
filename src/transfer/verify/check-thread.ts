import { readSync } from 'node:fs'
import { FrameTable } from '../../image/stasis/frame-table.ts'
import type { FrameFault } from '../../image/stasis/frame-fault.ts'
import { DIRECT_ALIGNMENT, alignUp, allocateAligned } from '../../io/memory/aligned-memory.ts'
import { crc32c } from '../../io/crc32c.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { FrameUnpacker } from '../frame-unpacker.ts'
import { END, beginThread } from '../thread-port.ts'
import type { CheckAnswer, CheckJob, CheckThreadData, UnreadableExtent } from './check-job.ts'
import { countContent } from './zero-pages.ts'

/** After a failed read, the parts that are tried one by one. */
const RETRY_LENGTH = 65536

const LEAST_LENGTH = 2 * 1024 * 1024

const { port, data } = beginThread<CheckThreadData>()
const { image } = data
const unpacker = new FrameUnpacker(image)
let memory = allocateAligned(LEAST_LENGTH)

port.on('message', (job: CheckJob | typeof END) => {
  if (job === END) port.close()
  else port.postMessage(job.kind === 'frames' ? checkFrames(job.records) : checkExtent(job))
})

function checkFrames(records: Uint8Array): CheckAnswer {
  const frames = new FrameTable(records)
  const contentPages = new Uint32Array(frames.count)
  const faults: { readonly position: number; readonly fault: FrameFault }[] = []
  let fileBytes = 0
  const isRead = tryRead(() => unpacker.read(frames, 0, frames.count - 1)) === undefined
  for (let position = 0; position < frames.count; position += 1) {
    fileBytes += frames.storedLength(position)
    const result = checkFrame(frames, position, isRead)
    if (typeof result === 'number') contentPages[position] = result
    else faults.push({ position, fault: result })
  }
  return { kind: 'frames', faults, contentPages, fileBytes }
}

/** The number of pages with content, or the fault. */
function checkFrame(frames: FrameTable, position: number, isRead: boolean): number | FrameFault {
  if (!isRead) {
    const reason = tryRead(() => unpacker.read(frames, position, position))
    if (reason !== undefined) return { kind: 'unreadable', reason }
  }
  const length = frames.pageCount(position) * PAGE_SIZE
  if (memory.length < length) memory = allocateAligned(length)
  const pages = unpacker.unpack(frames, position, memory.subarray(0, length))
  return 'kind' in pages ? pages : countContent(pages)
}

function checkExtent({
  offset,
  length,
  chunks,
}: CheckJob & { readonly kind: 'extent' }): CheckAnswer {
  if (memory.length < alignUp(length, DIRECT_ALIGNMENT))
    memory = allocateAligned(alignUp(length, DIRECT_ALIGNMENT))
  const unreadable: UnreadableExtent[] = []
  if (tryRead(() => readPart(offset, 0, length)) !== undefined) {
    for (let at = 0; at < length; at += RETRY_LENGTH) {
      const part = Math.min(RETRY_LENGTH, length - at)
      const code = tryRead(() => readPart(offset, at, part))
      if (code === undefined) continue
      unreadable.push({ offset: offset + at, length: part, code })
      memory.fill(0, at, at + part)
    }
  }
  const crcs = chunks === undefined ? new Uint32Array(0) : checksums(length, chunks)
  return { kind: 'extent', unreadable, crcs, fileBytes: length }
}

function checksums(
  length: number,
  chunks: { readonly length: number; readonly skip: number },
): Uint32Array {
  return Uint32Array.from({ length: Math.ceil(length / chunks.length) }, (_, chunk) => {
    const start = chunk === 0 ? chunks.skip : chunk * chunks.length
    return crc32c(memory.subarray(start, Math.min((chunk + 1) * chunks.length, length)))
  })
}

/** Reads `length` bytes of the file from `offset + at` to `at` in memory. Bytes after the end of the file are zero. Throws Node's error. */
function readPart(offset: number, at: number, length: number): void {
  const end = at + alignUp(length, DIRECT_ALIGNMENT)
  let filled = at
  while (filled < end) {
    const found = readSync(image, memory, filled, end - filled, offset + filled)
    filled += found
    if (found === 0 || found % DIRECT_ALIGNMENT !== 0) break
  }
  memory.fill(0, filled, end)
}

/** Node's code for a read that failed; `undefined` after one that did not. */
function tryRead(read: () => void): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}
