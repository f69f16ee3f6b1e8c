import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageRange, PageStore } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { batchPiece } from './batch-piece.ts'
import { BATCH_LENGTH, BATCH_PAGES, type FrameBatch, cutBatches } from './frame-batch.ts'
import { SentPages } from './sent-pages.ts'

const blocks = [
  { name: 'pc.ram', length: 4096 * PAGE_SIZE, linearOffset: undefined },
  { name: 'rom', length: 8 * PAGE_SIZE, linearOffset: undefined },
]

function store(frames: readonly PageRange[], storedLength = 1000): PageStore {
  return {
    blocks,
    frameCount: frames.length,
    range: (index) => frames[index]!,
    storedLength: () => storedLength,
    groups: () => assert.fail('not asked for'),
    place: () => assert.fail('not asked for'),
    fd: -1,
    prefetch: () => assert.fail('not asked for'),
    read: () => assert.fail('not asked for'),
  }
}

const range = (firstPage: number, pageCount: number, block = 0): PageRange => ({
  ...{ block, firstPage, pageCount },
})

function batches(
  pages: PageStore,
  ranges: readonly PageRange[],
  sent = new SentPages(blocks, new Map()),
): readonly FrameBatch[] {
  return [...cutBatches(pages, sent, ranges.values())]
}

test('cutBatches() splits ranges that are too long in the image or have too many pages, in their order', () => {
  const frames = [0, 1, 2].map((frame) => range(frame * 600, 600))
  const numbers = (storedLength: number): readonly (readonly number[])[] =>
    batches(store(frames, storedLength), [frames[2]!, frames[0]!, frames[1]!]).map(({ places }) => [
      ...places.keys(),
    ])
  assert.ok(2 * 600 > BATCH_PAGES)
  assert.deepEqual(numbers(1), [[2], [0], [1]])
  const short = [0, 1, 2, 3].map((frame) => range(frame * 16, 16))
  const half = batches(store(short, BATCH_LENGTH / 2), short)
  assert.deepEqual(
    half.map(({ places }) => [...places]),
    [
      [
        [0, 0],
        [1, 16],
      ],
      [
        [2, 0],
        [3, 16],
      ],
    ],
  )
})

test('cutBatches() takes a frame once, and only the requested part of it, with pages without frames in between', () => {
  const frames = [range(16, 16), range(40, 8), range(2, 4, 1)]
  const [batch, ...others] = batches(store(frames), [
    range(41, 2),
    range(20, 24),
    range(0, 8, 1),
    range(16, 2),
  ])
  assert.deepEqual(others, [])
  assert.deepEqual(
    [...batch!.places],
    [
      [1, 0],
      [0, 8],
      [2, 24],
    ],
  )
  assert.deepEqual(batch!.parts, [
    { ...range(41, 2), at: 1 },
    { ...range(20, 12), at: 12 },
    { ...range(32, 8), at: undefined },
    { ...range(40, 4), at: 0 },
    { ...range(0, 2, 1), at: undefined },
    { ...range(2, 4, 1), at: 24 },
    { ...range(6, 2, 1), at: undefined },
    { ...range(16, 2), at: 8 },
  ])
})

test('cutBatches() omits pages that were sent before the batch is requested', () => {
  const frames = [range(0, 600), range(600, 600), range(1200, 16)]
  const sent = new SentPages(blocks, new Map())
  const cut = cutBatches(store(frames), sent, frames.values())
  assert.deepEqual([...cut.next().value!.places.keys()], [0])
  sent.mark(range(1200, 16))
  assert.deepEqual([...cut.next().value!.places.keys()], [1])
  assert.equal(cut.next().done, true)
})

test('cutBatches() prepares nothing for blocks whose pages go in units', () => {
  const frames = [range(0, 16), range(0, 4, 1)]
  const sent = new SentPages(blocks, new Map([['pc.ram', 512 * PAGE_SIZE]]))
  const [batch] = batches(store(frames), [range(0, 512), range(0, 4, 1)], sent)
  assert.deepEqual([...batch!.places], [[1, 0]])
  assert.deepEqual(batch!.parts, [
    { ...range(0, 512), at: undefined },
    { ...range(0, 4, 1), at: 0 },
  ])
})

test('batchPiece() takes adjacent records until one was sent, the block ends, or there are enough', () => {
  const sent = new SentPages(blocks, new Map())
  const parts = [
    { ...range(0, 16), at: 0 },
    { ...range(100, 16), at: 16 },
    { ...range(300, 16), at: 40 },
    { ...range(0, 2, 1), at: 56 },
  ]
  assert.deepEqual(batchPiece(sent, parts, 0, 64), {
    ...{ runs: [range(0, 16), range(100, 16)], start: 0, end: 32 },
  })
  assert.deepEqual(batchPiece(sent, parts, 0, 20), {
    ...{ runs: [range(0, 16), range(100, 4)], start: 0, end: 20 },
  })
  sent.mark(range(0, 3))
  sent.mark(range(104, 1))
  assert.deepEqual(batchPiece(sent, parts, 0, 64), {
    ...{ runs: [range(3, 13), range(100, 4)], start: 3, end: 20 },
  })
  sent.mark(range(100, 4))
  assert.deepEqual(batchPiece(sent, parts, 0, 64), { runs: [range(3, 13)], start: 3, end: 16 })
  assert.deepEqual(batchPiece(sent, parts, 2, 64), { runs: [range(300, 16)], start: 40, end: 56 })
  sent.mark(range(300, 16))
  assert.equal(batchPiece(sent, parts, 2, 64), undefined)
})
