import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { incomingDevices, incomingHead, ramEnd, ramPages, ramZeros } from './incoming-stream.ts'
import { MainStreamParser, type RamHandler } from './main-stream.ts'
import { STREAM_MAGIC } from './stream-constants.ts'

const configuration = Buffer.from('\x07\0\0\0\x04q35!', 'latin1')
const head = Buffer.concat([STREAM_MAGIC, configuration])
const sections = Buffer.from('\x04 a device section', 'latin1')
const description = Buffer.from('\0\x06\0\0\0\x02{}', 'latin1')
const blocks = [
  { name: 'pc.ram', length: 0x2_0000_0000 },
  { name: '/rom@etc/acpi/tables', length: 0x20000 },
]
const pages = Buffer.concat([Buffer.alloc(4096, 'one'), Buffer.alloc(4096, 'two')])

function parse(stream: readonly Uint8Array[]): {
  readonly seen: unknown[]
  readonly parser: MainStreamParser
} {
  const seen: unknown[] = []
  const handler: RamHandler = {
    blocks: (announced) => seen.push(announced),
    zeroPages: (block, firstPage, count) => seen.push(['zero', block, firstPage, count]),
    page: (block, page, bytes) => seen.push(['page', block, page, Buffer.from(bytes)]),
  }
  const parser = new MainStreamParser(handler)
  parser.feed(Buffer.concat(stream))
  return { seen, parser }
}

test('incomingHead() to incomingDevices() build a stream that parses back to their input', () => {
  const { seen, parser } = parse([
    incomingHead({ head, ramSection: 3 }, blocks),
    ramPages(3, 'pc.ram', 0x1f_fffe, pages),
    ramZeros(3, '/rom@etc/acpi/tables', 30, 2),
    ramPages(3, '/rom@etc/acpi/tables', 0, pages.subarray(0, 4096)),
    ramEnd(3),
    incomingDevices({ sections, tail: description }),
  ])
  assert.deepEqual(seen, [
    blocks,
    ['page', 0, 0x1f_fffe, pages.subarray(0, 4096)],
    ['page', 0, 0x1f_ffff, pages.subarray(4096)],
    ['zero', 1, 30, 2],
    ['page', 1, 0, pages.subarray(0, 4096)],
  ])
  assert.deepEqual({ ...parser.finish() }, { head, ramSection: 3, sections, tail: description })
})

test('incomingDevices() adds an end mark when the saved stream had none', () => {
  const bytes = incomingDevices({ sections, tail: new Uint8Array(0) })
  assert.deepEqual(Buffer.from(bytes), Buffer.concat([sections, Buffer.of(0)]))
})
