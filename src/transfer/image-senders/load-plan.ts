import type { PageStore, StoredFrames } from '../../image/saved-machine.ts'
import { FrameTable } from '../../image/stasis/frame-table.ts'
import type { MemoryFile } from '../../io/memory/memory-file.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { extentsOf, inFileOrder } from '../frame-unpacker.ts'
import { GROUP_LENGTH } from '../share-groups.ts'
import type { LoadPlan } from './load-job.ts'

const MIB = 1024 * 1024

/** How much memory one group may cover, in bytes. What a thread reads at once should stay in the caches of its processor. */
const WINDOWS = [2 * MIB, 4 * MIB, 8 * MIB] as const

/** Reads of this length are as fast as longer ones, and reads below the other are too slow. */
const GOOD_READ = MIB
const LEAST_READ = MIB / 4

/** The windows whose reads are looked at. */
const SAMPLES = 32

/**
 * Plans who loads what. The frames of a group fill a window of memory, so that each huge page is written once. Their reads are long enough where the file
 * has about the order of the memory. Elsewhere a group is a piece of the file.
 */
export function planLoad(
  pages: PageStore,
  stored: StoredFrames,
  files: ReadonlyMap<number, MemoryFile>,
): LoadPlan {
  const frames = new FrameTable(stored.table)
  const wanted = wantedFrames(frames, files)
  const window = WINDOWS.find((length) => readLength(frames, wanted, length) >= GOOD_READ)
  const widest = WINDOWS[2]
  const best = window ?? (readLength(frames, wanted, widest) >= LEAST_READ ? widest : undefined)
  const { order, starts } =
    best === undefined ? byFile(pages, files) : byMemory(frames, wanted, best)
  return {
    image: stored.fd,
    memories: new Map([...files].map(([block, { fd }]) => [block, fd])),
    records: stored.table,
    order: shared(order),
    starts: shared(starts),
    control: new Int32Array(new SharedArrayBuffer(8)),
  }
}

interface Groups {
  readonly order: Uint32Array
  readonly starts: readonly number[]
}

/** In the order of the memory: frames are numbered by block and page. */
function wantedFrames(frames: FrameTable, files: ReadonlyMap<number, MemoryFile>): Uint32Array {
  const wanted = new Uint32Array(frames.count)
  let count = 0
  for (let frame = 0; frame < frames.count; frame += 1)
    if (files.has(frames.block(frame))) wanted[count++] = frame
  return wanted.subarray(0, count)
}

function byMemory(frames: FrameTable, order: Uint32Array, length: number): Groups {
  const starts = [0]
  let end = 0
  while (end < order.length) {
    end = endOfWindow(frames, order, end, length)
    starts.push(end)
  }
  return { order, starts }
}

function byFile(pages: PageStore, files: ReadonlyMap<number, MemoryFile>): Groups {
  const order: number[] = []
  const starts = [0]
  for (const group of pages.groups(GROUP_LENGTH)) {
    for (const frame of group) if (files.has(pages.range(frame).block)) order.push(frame)
    if (order.length > (starts.at(-1) as number)) starts.push(order.length)
  }
  return { order: Uint32Array.from(order), starts }
}

/** How long reads are on average when groups are windows of this length, by some of them. */
function readLength(frames: FrameTable, order: Uint32Array, length: number): number {
  let reads = 0
  let bytes = 0
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    // The window behind one that holds it: that one may begin before it.
    const inside = Math.floor((order.length * sample) / SAMPLES)
    const first = endOfWindow(frames, order, inside, length)
    const end = endOfWindow(frames, order, first, length)
    const extents = extentsOf(frames, inFileOrder(frames, order.subarray(first, end)))
    reads += extents.length
    bytes += extents.reduce((sum, extent) => sum + extent.end - extent.start, 0)
  }
  return reads === 0 ? 0 : bytes / reads
}

/** The position behind the frames that begin in the same window as that at `position`. */
function endOfWindow(
  frames: FrameTable,
  order: Uint32Array,
  position: number,
  length: number,
): number {
  const of = order[position]
  if (of === undefined) return order.length
  const block = frames.block(of)
  const pagesInWindow = length / PAGE_SIZE
  const endPage = (Math.floor(frames.firstPage(of) / pagesInWindow) + 1) * pagesInWindow
  let end = position + 1
  for (; end < order.length; end += 1) {
    const frame = order[end] as number
    if (frames.block(frame) !== block || frames.firstPage(frame) >= endPage) break
  }
  return end
}

function shared(values: ArrayLike<number>): Uint32Array {
  const array = new Uint32Array(new SharedArrayBuffer(values.length * 4))
  array.set(values)
  return array
}
