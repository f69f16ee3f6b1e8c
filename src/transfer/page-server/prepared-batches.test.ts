import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAGE_RECORD_LENGTH } from '../../wire/page-records.ts'
import type { BatchMaker } from './batch-maker.ts'
import type { FrameBatch } from './frame-batch.ts'
import { PreparedBatches } from './prepared-batches.ts'

class Maker implements BatchMaker {
  readonly slotCount = 2
  readonly made: (readonly [frame: number, slot: number])[] = []
  readonly #ends = new Map<number, PromiseWithResolvers<Buffer>>()

  make({ places }: FrameBatch, slot: number): Promise<Buffer> {
    const [frame = -1] = places.keys()
    this.made.push([frame, slot])
    const end = Promise.withResolvers<Buffer>()
    this.#ends.set(frame, end)
    return end.promise
  }

  async end(frame: number, fault?: Error): Promise<void> {
    if (fault === undefined) this.#ends.get(frame)?.resolve(Buffer.alloc(99_999, frame))
    else this.#ends.get(frame)?.reject(fault)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const batch = (frame: number): FrameBatch => ({ places: new Map([[frame, 2]]), parts: [] })

test('PreparedBatches keeps to its slots and to the order of the batches', async () => {
  const maker = new Maker()
  let reported = 0
  await using prepared = new PreparedBatches(maker, () => (reported += 1))
  const source = [7, 8, 9].map(batch).values()
  assert.equal(prepared.first(source)?.records, undefined)
  const [[, slot] = [], [, other] = []] = maker.made
  assert.deepEqual(maker.made, [
    [7, slot],
    [8, other],
  ])
  assert.notEqual(slot, other)
  // The second is ready first, and waits for its turn.
  await maker.end(8)
  assert.equal(reported, 1)
  assert.equal(prepared.first(source)?.records, undefined)
  await maker.end(7)
  assert.equal(prepared.first(source)?.records?.[0], 7)
  assert.equal(prepared.first(source)?.batch.places.has(7), true)
  assert.equal(maker.made.length, 2)
  prepared.release()
  assert.equal(prepared.first(source)?.records?.[0], 8)
  assert.deepEqual(maker.made[2], [9, slot])
  prepared.release()
  await maker.end(9)
  assert.equal(prepared.first(source)?.records?.[0], 9)
  prepared.release()
  assert.equal(prepared.first(source), undefined)
})

test('PreparedBatches finds a frame that is ready', async () => {
  const maker = new Maker()
  await using prepared = new PreparedBatches(maker, () => undefined)
  const range = { block: 0, firstPage: 0, pageCount: 3 }
  prepared.first([batch(5)].values())
  assert.equal(prepared.find(5, range), undefined)
  await maker.end(5)
  assert.equal(prepared.find(6, range), undefined)
  const found = prepared.find(5, range)
  assert.equal(found?.length, 3 * PAGE_RECORD_LENGTH)
  assert.equal(found.byteOffset, 2 * PAGE_RECORD_LENGTH)
  prepared.release()
  assert.equal(prepared.find(5, range), undefined)
})

test('PreparedBatches reports a fault when its turn comes, and prepares nothing for ranges without frames', async () => {
  const maker = new Maker()
  await using prepared = new PreparedBatches(maker, () => undefined)
  const empty = { places: new Map<number, number>(), parts: [] }
  const source = [empty, batch(1), batch(2)].values()
  prepared.first(source)
  await maker.end(1, new Error('damaged'))
  assert.equal(prepared.first(source)?.batch, empty)
  prepared.release()
  assert.throws(() => prepared.first(source), /damaged/)
  await maker.end(2)
})

test('PreparedBatches waits for pending batches when disposed', async () => {
  const maker = new Maker()
  let ended = false
  const prepared = new PreparedBatches(maker, () => undefined)
  prepared.first([batch(1), batch(2)].values())
  const end = prepared[Symbol.asyncDispose]().then(() => (ended = true))
  await maker.end(1, new Error('damaged'))
  assert.equal(ended, false)
  await maker.end(2)
  await end
})
