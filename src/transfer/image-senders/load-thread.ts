import { InternalError } from '../../errors.ts'
import { FrameTable } from '../../image/stasis/frame-table.ts'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import { writeMemorySync } from '../../io/memory/memory-file.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { FrameUnpacker } from '../frame-unpacker.ts'
import type { LoadAnswer, LoadJob, LoadThreadData } from './load-job.ts'
import { END, beginThread } from '../thread-port.ts'

const LEAST_LENGTH = 2 * 1024 * 1024

const { port, data } = beginThread<LoadThreadData>()
const { image, memories } = data
const unpacker = new FrameUnpacker(image)
let targetMemory = allocateAligned(LEAST_LENGTH)

port.on('message', (job: LoadJob | typeof END) => {
  if (job === END) port.close()
  else port.postMessage(answer(job))
})

function answer({ records }: LoadJob): LoadAnswer {
  let step: 'read' | 'fill' = 'read'
  try {
    const frames = new FrameTable(records)
    unpacker.read(frames, 0, frames.count - 1)
    step = 'fill'
    return loadFrames(frames)
  } catch (error) {
    return { kind: 'failed', step, code: (error as NodeJS.ErrnoException).code ?? String(error) }
  }
}

function loadFrames(frames: FrameTable): LoadAnswer {
  let ramBytes = 0
  let fileBytes = 0
  for (let position = 0; position < frames.count; position += 1) {
    const length = frames.pageCount(position) * PAGE_SIZE
    if (targetMemory.length < length) targetMemory = allocateAligned(length)
    const pages = unpacker.unpack(frames, position, targetMemory.subarray(0, length))
    if ('kind' in pages) return { kind: 'damaged', position, fault: pages }
    const memory = memories.get(frames.block(position))
    if (memory === undefined)
      throw new InternalError('A frame belongs to a block without a memory file')
    writeMemorySync(memory, pages, frames.firstPage(position) * PAGE_SIZE)
    ramBytes += pages.length
    fileBytes += frames.storedLength(position)
  }
  return { kind: 'loaded', ramBytes, fileBytes }
}
