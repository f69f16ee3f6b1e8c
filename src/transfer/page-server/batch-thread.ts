import { FrameTable } from '../../image/stasis/frame-table.ts'
import { PAGE_RECORD_LENGTH, makePageRecords, pagesInRecords } from '../../wire/page-records.ts'
import type { BatchAnswer, BatchJob, BatchThreadData } from './batch-job.ts'
import { FrameUnpacker } from '../frame-unpacker.ts'
import { BATCH_PAGES } from './frame-batch.ts'
import { END, beginThread } from '../thread-port.ts'

/** A gap between two frames that is no longer than this is read with them. */
const MAX_GAP = 32 * 1024

const { port, data } = beginThread<BatchThreadData>()
const { image, slots } = data
const unpacker = new FrameUnpacker(image)

port.on('message', (job: BatchJob | typeof END) => {
  if (job === END) port.close()
  else port.postMessage(answer(job))
})
port.postMessage({ kind: 'up' } satisfies BatchAnswer)

function answer({ slot, records }: BatchJob): BatchAnswer {
  const length = BATCH_PAGES * PAGE_RECORD_LENGTH
  try {
    return make(new FrameTable(records), Buffer.from(slots, slot * length, length))
  } catch (error) {
    return { kind: 'failed', code: (error as NodeJS.ErrnoException).code ?? String(error) }
  }
}

function make(frames: FrameTable, slot: Buffer): BatchAnswer {
  const areas = areasOf(frames, slot)
  // They are in the slot in the order of sending, but are read in that of the file.
  const order = [...areas.keys()].sort((a, b) => frames.offset(a) - frames.offset(b))
  for (const run of closeRuns(frames, order)) {
    unpacker.read(frames, run[0] as number, run.at(-1) as number)
    for (const position of run) {
      const area = areas[position] as Buffer
      const place = pagesInRecords(area)
      const pages = unpacker.unpack(frames, position, place)
      if ('kind' in pages) return { kind: 'damaged', position, fault: pages }
      makePageRecords(area, frames.firstPage(position), pages === place ? undefined : pages)
    }
  }
  return { kind: 'made' }
}

/** The part of the slot for the records of each frame. */
function areasOf(frames: FrameTable, slot: Buffer): readonly Buffer[] {
  let at = 0
  return Array.from({ length: frames.count }, (_, position) => {
    const start = at
    at += frames.pageCount(position) * PAGE_RECORD_LENGTH
    return slot.subarray(start, at)
  })
}

/** Groups frames that are worth one read. */
function closeRuns(frames: FrameTable, order: readonly number[]): readonly (readonly number[])[] {
  const runs: number[][] = []
  let end = -Infinity
  for (const position of order) {
    const offset = frames.offset(position)
    if (offset - end <= MAX_GAP) runs.at(-1)?.push(position)
    else runs.push([position])
    end = offset + frames.storedLength(position)
  }
  return runs
}
