import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageStore, StoredFrames } from '../../image/saved-machine.ts'
import { FRAME_RECORD_LENGTH, type Frame, FrameTable } from '../../image/stasis/frame-table.ts'
import type { MemoryFile } from '../../io/memory/memory-file.ts'
import { planLoad } from './load-plan.ts'

const KIB = 1024

type Place = Pick<Frame, 'offset' | 'storedLength' | 'codec'>

/** 4096 frames of 64 KiB, one after another in the memory of block 0, and one of block 1; `place` says where each is in the file. */
function groupsOf(place: (frame: number) => Place): readonly (readonly number[])[] {
  const frames = new FrameTable()
  const add = (block: number, firstPage: number, where: Place): number =>
    frames.append({ block, firstPage, pageCount: 16, crc: 0, ...where })
  for (let frame = 0; frame < 4096; frame += 1) add(0, frame * 16, place(frame))
  add(1, 0, { offset: 0, storedLength: 16, codec: 'zstd' })
  assert.equal(frames.table.length, 4097 * FRAME_RECORD_LENGTH)
  const pages = {
    frameCount: frames.count,
    range: (frame: number) => ({ block: frames.block(frame) }),
    *groups() {
      yield Uint32Array.of(4096)
      yield Uint32Array.of(3, 4096, 1)
      yield Uint32Array.of(2, 0)
    },
  }
  const plan = planLoad(
    pages as unknown as PageStore,
    { fd: 5, table: frames.table } as StoredFrames,
    new Map([[0, { fd: 6 } as MemoryFile]]),
  )
  assert.equal(plan.image, 5)
  assert.deepEqual([...plan.memories], [[0, 6]])
  return [...plan.starts.subarray(1)].map((end, group) => [
    ...plan.order.subarray(plan.starts[group], end),
  ])
}

/** Groups of so many consecutive frames. */
const consecutive = (count: number): readonly (readonly number[])[] =>
  Array.from({ length: 4096 / count }, (_, group) =>
    Array.from({ length: count }, (__, at) => group * count + at),
  )

test('planLoad() fills huge pages one by one when the file has the order of the memory', () => {
  const groups = groupsOf((frame) => ({
    offset: 4096 + frame * 64 * KIB,
    storedLength: 64 * KIB,
    codec: 'none',
  }))
  assert.deepEqual(groups, consecutive(32))
})

test('planLoad() takes more memory at once when its frames are in several places of the file', () => {
  // As a save writes them: what compresses and what does not, each packet for itself.
  const groups = groupsOf((frame) =>
    frame % 2 === 0
      ? { offset: 2 ** 30 + frame * 32 * KIB, storedLength: 64 * KIB, codec: 'none' }
      : { offset: frame * 8 * KIB, storedLength: 16 * KIB, codec: 'zstd' },
  )
  assert.deepEqual(groups, consecutive(64))
})

test('planLoad() keeps to the order of the file when it has nothing of that of the memory', () => {
  const groups = groupsOf((frame) => ({
    offset: ((frame * 1021) % 4096) * 2 ** 20,
    storedLength: 64 * KIB,
    codec: 'none',
  }))
  assert.deepEqual(groups, [
    [3, 1],
    [2, 0],
  ])
})
