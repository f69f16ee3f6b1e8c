import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TransferMeter, watchTransfer } from './transfer-meter.ts'

const at = (
  ramBytes: number,
  transferredBytes: number,
): Parameters<TransferMeter['measure']>[0] => ({
  ramBytes,
  ramTotalBytes: 1000,
  transferredBytes,
  fileBytes: 0,
  channelBytes: [transferredBytes],
})

test('TransferMeter computes rate and time left from the last seconds', () => {
  const meter = new TransferMeter(10_000)
  const first = meter.measure(at(0, 0), 10_000)
  assert.equal(first.percent, 0)
  assert.equal(first.etaMs, undefined)
  const half = meter.measure(at(500, 250), 11_000)
  assert.equal(half.percent, 50)
  assert.equal(half.rateBytesPerSecond, 250)
  assert.equal(half.etaMs, 1000)
  assert.equal(half.elapsedMs, 1000)
  // Much later, only bytes that moved within the window count.
  const stalled = meter.measure(at(500, 250), 20_000)
  assert.equal(stalled.rateBytesPerSecond, 0)
  assert.equal(stalled.etaMs, undefined)
})

test('TransferMeter leaves bytes from before its first look out of the rate', () => {
  const meter = new TransferMeter(0)
  assert.equal(meter.measure(at(900, 900), 1).rateBytesPerSecond, 0)
  assert.equal(meter.measure(at(1000, 1000), 1001).rateBytesPerSecond, 100)
})

test('TransferMeter reports 0 percent when the total is unknown', () => {
  const meter = new TransferMeter(0)
  const measure = meter.measure({ ...at(10, 10), ramTotalBytes: 0 }, 100)
  assert.equal(measure.percent, 0)
  assert.equal(measure.etaMs, undefined)
})

test('watchTransfer() throws an error of a report when it is disposed', async () => {
  let reports = 0
  const watch = watchTransfer(
    () => at(1, 1),
    () => {
      reports += 1
      if (reports > 1) throw new Error('no luck')
    },
  )
  await delay(450)
  assert.equal(reports, 2)
  assert.throws(() => watch[Symbol.dispose](), { message: 'no luck' })
})
