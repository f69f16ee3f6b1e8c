import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageRange, PageStore } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { FrameCache } from './frame-cache.ts'
import { findFrame } from '../../image/frame-finder.ts'
import { formatPageOrder, parsePageOrder } from './page-order.ts'
import { AnnouncedRanges, allRanges } from './page-plan.ts'
import { SentPages } from './sent-pages.ts'

const blocks = [
  { name: 'pc.ram', length: 64 * PAGE_SIZE, linearOffset: undefined },
  { name: 'rom', length: 4 * PAGE_SIZE, linearOffset: undefined },
  { name: 'zero', length: 2 * PAGE_SIZE, linearOffset: undefined },
]
const frames: readonly PageRange[] = [
  { block: 0, firstPage: 4, pageCount: 8 },
  { block: 0, firstPage: 12, pageCount: 4 },
  { block: 0, firstPage: 40, pageCount: 24 },
  { block: 1, firstPage: 0, pageCount: 4 },
]

class Store implements PageStore {
  readonly blocks = blocks
  readonly frameCount = frames.length
  readonly reads: number[] = []
  range(index: number): PageRange {
    return frames[index]!
  }
  storedLength(): number {
    return 1
  }
  *groups(): Generator<Uint32Array, void, undefined> {
    yield Uint32Array.of(3, 1)
    yield Uint32Array.of(0, 2)
  }
  readonly fd = -1
  place(): never {
    return assert.fail('not asked for')
  }
  async prefetch(): Promise<void> {
    await Promise.resolve()
  }
  async read(index: number): Promise<Uint8Array> {
    this.reads.push(index)
    await Promise.resolve()
    return new Uint8Array(this.range(index).pageCount * PAGE_SIZE).fill(index)
  }
}

test('findFrame() finds the frame of a page, or the number of zero pages', () => {
  const store = new Store()
  assert.deepEqual(findFrame(store, 0, 0), { zeroPages: 4 })
  assert.deepEqual(findFrame(store, 0, 3), { zeroPages: 1 })
  assert.deepEqual(findFrame(store, 0, 11), { frame: 0, range: frames[0] })
  assert.deepEqual(findFrame(store, 0, 12), { frame: 1, range: frames[1] })
  assert.deepEqual(findFrame(store, 0, 16), { zeroPages: 24 })
  assert.deepEqual(findFrame(store, 1, 3), { frame: 3, range: frames[3] })
  assert.deepEqual(findFrame(store, 2, 0), { zeroPages: Infinity })
})

test('allRanges() covers every page of every block once', () => {
  const sent = new SentPages(blocks, new Map())
  const ranges = [...allRanges(new Store())]
  assert.deepEqual(ranges.slice(0, 4), [frames[3], frames[1], frames[0], frames[2]])
  for (const range of ranges) sent.mark(range)
  assert.equal(sent.remaining, 0)
})

test('SentPages never lets a page be sent twice', () => {
  const sent = new SentPages(blocks, new Map())
  sent.mark({ block: 0, firstPage: 2, pageCount: 3 })
  assert.throws(() => sent.mark({ block: 0, firstPage: 4, pageCount: 1 }), { code: 'INTERNAL' })
  const range = { block: 0, firstPage: 0, pageCount: 12 }
  assert.deepEqual(sent.firstUnsent(range, 4), { block: 0, firstPage: 0, pageCount: 2 })
  sent.mark({ block: 0, firstPage: 0, pageCount: 2 })
  assert.deepEqual(sent.firstUnsent(range, 4), { block: 0, firstPage: 5, pageCount: 4 })
  assert.deepEqual(sent.firstUnsent(range, 64), { block: 0, firstPage: 5, pageCount: 7 })
  assert.equal(sent.firstUnsent({ ...range, pageCount: 5 }, 4), undefined)
  assert.equal(sent.hasAll({ ...range, pageCount: 5 }), true)
  assert.equal(sent.hasAll(range), false)
})

test('SentPages extends ranges to whole host pages inside the block', () => {
  const sent = new SentPages(blocks, new Map([['pc.ram', 8 * PAGE_SIZE]]))
  assert.deepEqual(sent.widen({ block: 0, firstPage: 9, pageCount: 8 }), {
    block: 0,
    firstPage: 8,
    pageCount: 16,
  })
  assert.equal(sent.widen({ block: 0, firstPage: 64, pageCount: 1 }), undefined)
  assert.equal(sent.widen({ block: 7, firstPage: 0, pageCount: 1 }), undefined)
})

test('SentPages records the pages that QEMU has', () => {
  const sent = new SentPages(blocks, new Map())
  sent.markReceived(0, Uint8Array.of(0b101, 0x80, 0, 0, 0, 0, 0, 0))
  assert.equal(sent.remaining, 64 + 4 + 2 - 3)
  assert.deepEqual(
    [0, 1, 2, 15].map((page) => sent.has(0, page)),
    [true, false, true, true],
  )
})

test('FrameCache reads a frame once and drops the least recently used', async () => {
  const store = new Store()
  const cache = new FrameCache(store, { readers: 1, capacityBytes: 12 * PAGE_SIZE })
  const [first, again] = await Promise.all([cache.get(0, 'soon'), cache.get(0, 'now')])
  assert.equal(first, again)
  await cache.get(1, 'now')
  await cache.get(3, 'now')
  await cache.get(0, 'now')
  assert.deepEqual(store.reads, [0, 1, 3, 0])
})

test('FrameCache reads frames that the guest waits for first', async () => {
  const store = new Store()
  const cache = new FrameCache(store, { readers: 1, capacityBytes: 1024 * PAGE_SIZE })
  await Promise.all([cache.get(0, 'soon'), cache.get(1, 'soon'), cache.get(3, 'now')])
  assert.deepEqual(store.reads, [0, 3, 1])
})

test('AnnouncedRanges announces ahead and skips ranges that are not missing', () => {
  const announced: number[] = []
  const ranges = new AnnouncedRanges(frames[Symbol.iterator](), 1, ({ firstPage }) => {
    announced.push(firstPage)
    return firstPage !== 12
  })
  assert.equal(ranges.take(), frames[0])
  assert.deepEqual(announced, [4, 12, 40])
  assert.deepEqual([ranges.take(), ranges.take(), ranges.take()], [frames[2], frames[3], undefined])
})

test('parsePageOrder() parses what formatPageOrder() wrote, for the same machine only', () => {
  const ranges = [frames[2]!, frames[0]!, frames[2]!, frames[3]!]
  const text = formatPageOrder('abc', blocks, ranges)
  assert.deepEqual(parsePageOrder(text, 'abc', blocks), [frames[2], frames[0], frames[3]])
  assert.deepEqual(parsePageOrder(text, 'abd', blocks), [])
  assert.deepEqual(
    parsePageOrder('stasis page order 1\nabc\n1 0 rom\nx\n1 1 nix\n', 'abc', blocks),
    [],
  )
})
