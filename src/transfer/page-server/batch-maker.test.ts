import assert from 'node:assert/strict'
import { truncate } from 'node:fs/promises'
import { test } from 'node:test'
import { type TestPageStore, testPageStore } from '../../../test/support/page-store.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { PAGE_RECORD_LENGTH } from '../../wire/page-records.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { BatchMaker } from './batch-maker.ts'
import { BatchReaders } from './batch-readers.ts'
import { BatchThreads } from './batch-threads.ts'

const blocks = [
  { name: 'pc.ram', pageCount: 3000 },
  { name: 'rom', pageCount: 8 },
]
const frames = [
  { block: 0, firstPage: 2000, pageCount: 16 },
  { block: 0, firstPage: 0, pageCount: 1 },
  { block: 1, firstPage: 2, pageCount: 4 },
  { block: 0, firstPage: 100, pageCount: 700 },
]
/** The frames as the store numbers them, in the order of the file. */
const fileOrder = [2, 0, 3, 1]

async function assertMade(
  { pages, memory }: TestPageStore,
  maker: BatchMaker,
  order: readonly number[],
): Promise<void> {
  const parts = order.map((frame) => pages.range(frame))
  const places = new Map(order.map((frame, position) => [frame, position]))
  const records = await maker.make({ places, parts: [] }, maker.slotCount - 1)
  let at = 0
  for (const { block, firstPage, pageCount } of parts) {
    for (let page = firstPage; page < firstPage + pageCount; page += 1) {
      assert.equal(records.readBigUInt64BE(at), BigInt(page * PAGE_SIZE + 0x28))
      const expected = memory[block]!.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
      assert.ok(records.subarray(at + 8, at + PAGE_RECORD_LENGTH).equals(expected), `page ${page}`)
      at += PAGE_RECORD_LENGTH
    }
  }
}

async function startThreads({ pages }: TestPageStore): Promise<BatchThreads> {
  const { promise, resolve } = Promise.withResolvers<void>()
  assert.ok(pages.stored)
  const threads = new BatchThreads(pages.stored, { readers: 2, onReady: resolve })
  assert.equal(threads.ready, false)
  await promise
  assert.equal(threads.ready, true)
  return threads
}

test('BatchThreads makes records of the pages of frames, in the order of the batch, for one batch after another', async () => {
  await using dir = await tempDir()
  await using store = await testPageStore(dir.join('f'), blocks, frames, { codec: 'zstd' })
  await using threads = await startThreads(store)
  for (const order of [fileOrder, [1, 0], [3], fileOrder.toReversed()])
    await assertMade(store, threads, order)
})

test('BatchReaders makes the same records of uncompressed frames', async () => {
  await using dir = await tempDir()
  await using store = await testPageStore(dir.join('f'), blocks, frames, { codec: 'none' })
  assert.equal(store.pages.stored, undefined)
  const readers = new BatchReaders(store.pages, { firstReader: 61, slotCount: 3 })
  for (const order of [fileOrder, [0, 3], [2]]) await assertMade(store, readers, order)
})

test('BatchThreads throws the same error as reading the frame', async () => {
  await using dir = await tempDir()
  const options = { codec: 'zstd', damage: 3 } as const
  await using store = await testPageStore(dir.join('f'), blocks, frames, options)
  await using threads = await startThreads(store)
  const fault = (of: Promise<unknown>): Promise<unknown> => of.catch((error: unknown) => error)
  const places = new Map([0, 1, 2].map((frame) => [frame, 0]))
  const found = await fault(threads.make({ places, parts: [] }, 0))
  assert.deepEqual(found, await fault(store.pages.read(1, 0)))
  assert.equal((found as { code: string }).code, 'IMAGE_CORRUPT')
  await truncate(dir.join('f'), 0)
  const cut = fault(threads.make({ places: new Map([[0, 0]]), parts: [] }, 0))
  assert.equal(((await cut) as { code: string }).code, 'IMAGE_TRUNCATED')
})

test('BatchThreads finishes its jobs when disposed, and can be disposed before it has started', async () => {
  await using dir = await tempDir()
  await using store = await testPageStore(dir.join('f'), blocks, frames, { codec: 'zstd' })
  const threads = await startThreads(store)
  const made = assertMade(store, threads, fileOrder)
  await threads[Symbol.asyncDispose]()
  await made
  assert.ok(store.pages.stored)
  const late = new BatchThreads(store.pages.stored, { readers: 2, onReady: () => undefined })
  await late[Symbol.asyncDispose]()
})

test('BatchReaders reads nothing between groups', async () => {
  await using dir = await tempDir()
  await using store = await testPageStore(dir.join('f'), blocks, frames, { codec: 'none' })
  const { pages } = store
  const fetched: (readonly number[])[] = []
  const watched = new Proxy(pages, {
    get: (_, name) => {
      if (name === 'groups') return () => [[2, 0], [3], [1]].map((group) => Uint32Array.from(group))
      if (name === 'prefetch') return (group: Uint32Array) => void fetched.push([...group])
      const value: unknown = Reflect.get(pages, name, pages)
      return typeof value === 'function' ? (value.bind(pages) as unknown) : value
    },
  })
  const readers = new BatchReaders(watched, { firstReader: 61, slotCount: 3 })
  await assertMade(store, readers, [2, 0, 3, 1])
  await assertMade(store, readers, [0, 3])
  assert.deepEqual(fetched, [[2, 0], [3], [1], [0], [3]])
})
