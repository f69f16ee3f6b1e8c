import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { STREAM_MAGIC } from './stream-constants.ts'
import { checkPageSize, withoutCapability } from './stream-head.ts'
import { WireError } from './wire-error.ts'

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function string(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
}

const start = Buffer.concat([STREAM_MAGIC, Buffer.of(7), word(11), Buffer.from('pc-q35-10.0')])
const pageBits = Buffer.concat([
  Buffer.of(5),
  string('configuration/target-page-bits'),
  word(1),
  word(12),
])
const uuid = Buffer.concat([
  Buffer.of(5),
  string('configuration/uuid'),
  word(1),
  Buffer.alloc(16, 9),
])

function capabilities(...names: readonly string[]): Buffer {
  const count = word(names.length)
  const name = string('configuration/capabilities')
  return Buffer.concat([Buffer.of(5), name, word(1), count, ...names.map(string)])
}

test('checkPageSize() refuses a stream whose pages are not of 4 KiB', () => {
  for (const parts of [[STREAM_MAGIC], [start], [start, uuid], [start, pageBits, uuid]])
    checkPageSize(Buffer.concat(parts))
  const larger = Buffer.from(pageBits)
  larger[larger.length - 1] = 16
  assert.throws(() => checkPageSize(Buffer.concat([start, larger])), {
    kind: 'unsupported',
    message: /65536 bytes/,
  })
})

function check(saved: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  const head = Buffer.concat(saved)
  assert.deepEqual(Buffer.from(withoutCapability(head, 'mapped-ram')), Buffer.concat(expected))
}

test('withoutCapability() drops the subsection when it names nothing else', () => {
  check([start, capabilities('mapped-ram')], [start])
  check([start, pageBits, capabilities('mapped-ram'), uuid], [start, pageBits, uuid])
})

test('withoutCapability() keeps the other capabilities', () => {
  check(
    [start, capabilities('a', 'mapped-ram', 'bb'), uuid],
    [start, capabilities('a', 'bb'), uuid],
  )
})

test('withoutCapability() returns a head without the capability unchanged', () => {
  for (const parts of [
    [STREAM_MAGIC],
    [start],
    [start, pageBits],
    [start, uuid, capabilities('mapped-ram')],
  ])
    check(parts, parts)
  check([start, capabilities('a')], [start, capabilities('a')])
})

test('withoutCapability() refuses a truncated head', () => {
  const head = Buffer.concat([start, capabilities('mapped-ram')])
  for (let length = start.length + 1; length < head.length; length += 1)
    assert.throws(() => withoutCapability(head.subarray(0, length), 'mapped-ram'), WireError)
})
