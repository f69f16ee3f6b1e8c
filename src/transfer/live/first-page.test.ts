import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RAM_FLAG, SECTION, STREAM_MAGIC } from '../../wire/stream-constants.ts'
import { FirstPage } from './first-page.ts'

const PAGE = 4096

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const word = (value: number): Buffer => Buffer.concat([u32(0), u32(value)])
const text = (value: string): Buffer => Buffer.from([value.length, ...Buffer.from(value)])
const endOfPart = [word(RAM_FLAG.EOS), Buffer.from([SECTION.FOOTER]), u32(2)]

/** What QEMU sends before it stops the guest. */
const head = Buffer.concat([
  ...[STREAM_MAGIC, Buffer.from([SECTION.START]), u32(2), text('ram'), u32(0), u32(4)],
  ...[word(8 * PAGE + RAM_FLAG.MEM_SIZE), text('pc.ram'), word(8 * PAGE), ...endOfPart],
])
const beginning = Buffer.concat([Buffer.from([SECTION.PART]), u32(2)])
const zero = Buffer.concat([word(RAM_FLAG.ZERO), text('pc.ram'), Buffer.from([0])])
const page = Buffer.concat([word(RAM_FLAG.PAGE), text('pc.ram'), Buffer.alloc(PAGE, 7)])

test('FirstPage finds neither a list of blocks nor the beginning of a part, but the first page, zero or not', () => {
  for (const first of [zero, page]) {
    const search = new FirstPage()
    assert.equal(search.feed(head), false)
    assert.equal(search.feed(beginning), false)
    assert.equal(search.feed(first), true)
    assert.equal(search.hasCome, true)
  }
})

test('FirstPage finds a page wherever the stream is cut', () => {
  const stream = Buffer.concat([head, beginning, page])
  for (let cut = 1; cut < stream.length; cut += 1) {
    const search = new FirstPage()
    assert.equal(search.feed(stream.subarray(0, cut)), false)
    assert.equal(search.feed(stream.subarray(cut)), true)
  }
})
