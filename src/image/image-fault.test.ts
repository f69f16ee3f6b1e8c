import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WireError } from '../wire/wire-error.ts'
import { imageDamaged, imageTooNew, imageTruncated, imageWireFault } from './image-fault.ts'

test('imageDamaged(), imageTruncated() and imageTooNew() report the fault, its place and a hint', () => {
  const damaged = imageDamaged('/a', 'its checksum does not match', { part: 'index', offset: 7 })
  assert.equal(damaged.code, 'IMAGE_CORRUPT')
  assert.equal(damaged.message, '/a has a damaged index: its checksum does not match')
  assert.deepEqual([damaged.path, damaged.offset], ['/a', 7])
  const truncated = imageTruncated('/a', 'it has 5 of 9 bytes', { offset: 5 })
  assert.equal(truncated.code, 'IMAGE_TRUNCATED')
  assert.equal(truncated.message, '/a is truncated: it has 5 of 9 bytes')
  assert.equal(truncated.hint, damaged.hint)
  assert.equal(
    imageTooNew('/a', 'index', { version: 3, known: 1, offset: 8 }).message,
    'The index of /a has version 3; this program supports version 1',
  )
})

test('imageWireFault() derives the code from the kind of the fault, not from its message', () => {
  const codes = (['truncated', 'corrupt', 'unsupported'] as const).map((kind) => {
    // The word "ends" used to decide.
    const cause = new WireError(kind, 'the block name in a packet ends nowhere', 64)
    const error = imageWireFault('/a', cause, { offset: 9 })
    assert.deepEqual([error.path, error.offset, error.cause], ['/a', 9, cause])
    return error.code
  })
  assert.deepEqual(codes, ['IMAGE_TRUNCATED', 'IMAGE_CORRUPT', 'IMAGE_UNSUPPORTED'])
})
