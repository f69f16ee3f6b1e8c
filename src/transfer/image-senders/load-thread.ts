import { InternalError } from '../../errors.ts'
import { FrameTable } from '../../image/stasis/frame-table.ts'
import { QueuedReads } from '../../io/files/queued-reads.ts'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { FrameUnpacker } from '../frame-unpacker.ts'
import { END, beginThread } from '../thread-port.ts'
import { GroupsAhead } from './groups-ahead.ts'
import { type LastAnswer, type LoadPlan, STOP } from './load-job.ts'
import { RunWriter } from './run-writer.ts'

/** Memory for decompressed pages, at least the longest frame. They are in the caches of the processor when they are written. */
const TARGET_LENGTH = 4 * 1024 * 1024

/** The most reads at a time: a group is one or two, rarely some dozens. */
const MOST_READS = 64

/** How many groups one message reports: each wakes the thread that starts QEMU. */
const REPORTED_AT_ONCE = 16

const { port } = beginThread<undefined>()
const targetMemory = allocateAligned(TARGET_LENGTH)

port.on('message', (plan: LoadPlan | typeof END) => {
  if (plan === END) port.close()
  else port.postMessage(load(plan))
})

function load(plan: LoadPlan): LastAnswer {
  const frames = new FrameTable(plan.records)
  using queue = QueuedReads.open(plan.image, MOST_READS)
  const ahead = new GroupsAhead(plan, frames, queue)
  const writer = new RunWriter()
  let groups: number[] = []
  let step: 'read' | 'fill' = 'read'
  const report = (): void => {
    port.postMessage({ kind: 'loaded', groups })
    groups = []
  }
  try {
    while (Atomics.load(plan.control, STOP) === 0) {
      step = 'read'
      const next = ahead.next()
      if (next === undefined) break
      const { group, wanted, unpacker } = next
      step = 'fill'
      const damage = loadFrames(plan, wanted, { frames, unpacker, writer })
      if (damage !== undefined) return stopped(plan, damage)
      groups.push(group)
      if (groups.length >= REPORTED_AT_ONCE) report()
    }
    report()
    return { kind: 'done' }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    return stopped(plan, { kind: 'failed', step, code })
  }
}

interface Tools {
  readonly frames: FrameTable
  readonly unpacker: FrameUnpacker
  readonly writer: RunWriter
}

function loadFrames(
  { memories }: LoadPlan,
  wanted: Uint32Array,
  { frames, unpacker, writer }: Tools,
): LastAnswer | undefined {
  let used = 0
  // Frames are numbered by block and page.
  for (const frame of wanted.slice().sort()) {
    const length = frames.pageCount(frame) * PAGE_SIZE
    if (used + length > targetMemory.length) {
      writer.flush()
      used = 0
    }
    const pages = unpacker.unpack(frames, frame, targetMemory.subarray(used, used + length))
    if ('kind' in pages) return { kind: 'damaged', frame, fault: pages }
    if (pages.buffer === targetMemory.buffer) used += length
    const memory = memories.get(frames.block(frame))
    if (memory === undefined)
      throw new InternalError('A frame belongs to a block without a memory file')
    writer.write(memory, pages, frames.firstPage(frame) * PAGE_SIZE)
  }
  writer.flush()
  return undefined
}

function stopped({ control }: LoadPlan, answer: LastAnswer): LastAnswer {
  Atomics.store(control, STOP, 1)
  return answer
}
