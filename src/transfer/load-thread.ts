import { readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { crc32c } from '@node-rs/crc32'
import { InternalError } from '../errors.ts'
import { PAGE_SIZE } from '../image/saved-machine.ts'
import type { FrameFault } from '../image/stasis/frame-fault.ts'
import { FrameTable } from '../image/stasis/frame-table.ts'
import { DIRECT_ALIGNMENT, alignDown, alignUp, allocateAligned } from '../io/aligned-memory.ts'
import { makeDecompressor } from '../io/decompress.ts'
import { writeMemorySync } from '../io/memory-file.ts'
import type { LoadAnswer, LoadJob, LoadThreadData } from './load-job.ts'
import { END } from './worker-thread.ts'

const LEAST_LENGTH = 2 * 1024 * 1024

if (parentPort === null) throw new InternalError('This file is the program of a thread')
const port = parentPort
const { image, memories } = workerData as LoadThreadData
const decompress = makeDecompressor()
let windowMemory = allocateAligned(LEAST_LENGTH)
let targetMemory = allocateAligned(LEAST_LENGTH)

port.on('message', (job: LoadJob | typeof END) => {
  if (job === END) port.close()
  else port.postMessage(answer(job))
})

function answer({ records }: LoadJob): LoadAnswer {
  let step: 'read' | 'fill' = 'read'
  try {
    const frames = new FrameTable(records)
    const window = readWindow(frames)
    step = 'fill'
    return loadFrames(frames, window)
  } catch (error) {
    return { kind: 'failed', step, code: (error as NodeJS.ErrnoException).code ?? String(error) }
  }
}

interface Window {
  /** Where in the file it begins. */
  readonly start: number
  readonly bytes: Uint8Array
}

/** Reads all that the frames span at once. */
function readWindow(frames: FrameTable): Window {
  const last = frames.count - 1
  const start = alignDown(frames.offset(0), DIRECT_ALIGNMENT)
  const end = alignUp(frames.offset(last) + frames.storedLength(last), DIRECT_ALIGNMENT)
  if (windowMemory.length < end - start) windowMemory = allocateAligned(end - start)
  let found = 0
  while (start + found < end) {
    const length = readSync(image, windowMemory, found, end - start - found, start + found)
    found += length
    // A direct read that stops off an alignment boundary has met the end of the file.
    if (length === 0 || length % DIRECT_ALIGNMENT !== 0) break
  }
  return { start, bytes: windowMemory.subarray(0, found) }
}

function loadFrames(frames: FrameTable, window: Window): LoadAnswer {
  let ramBytes = 0
  let fileBytes = 0
  for (let position = 0; position < frames.count; position += 1) {
    const at = frames.offset(position) - window.start
    const storedLength = frames.storedLength(position)
    const stored = window.bytes.subarray(at, at + storedLength)
    if (stored.length < storedLength) return { kind: 'damaged', position, fault: { kind: 'cut' } }
    if (crc32c(stored) !== frames.crc(position))
      return { kind: 'damaged', position, fault: { kind: 'checksum' } }
    const unpacked = unpack(frames, position, stored)
    if ('kind' in unpacked) return { kind: 'damaged', position, fault: unpacked }
    const memory = memories.get(frames.block(position))
    if (memory === undefined) throw new InternalError('A frame of a block without memory file')
    writeMemorySync(memory, unpacked, frames.firstPage(position) * PAGE_SIZE)
    ramBytes += unpacked.length
    fileBytes += storedLength
  }
  return { kind: 'loaded', ramBytes, fileBytes }
}

function unpack(frames: FrameTable, position: number, stored: Uint8Array): Uint8Array | FrameFault {
  const codec = frames.codec(position) ?? 'none'
  if (codec === 'none') return stored
  const length = frames.pageCount(position) * PAGE_SIZE
  if (targetMemory.length < length) targetMemory = allocateAligned(length)
  const target = targetMemory.subarray(0, length)
  try {
    const found = decompress(codec, stored, target)
    return found === length ? target : { kind: 'length', length: found }
  } catch (error) {
    return { kind: 'codec', reason: (error as Error).message }
  }
}
