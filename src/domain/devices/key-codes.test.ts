import assert from 'node:assert/strict'
import { test } from 'node:test'
import { qnumOf } from './key-codes.ts'

test("qnumOf() translates Linux's names and numbers", () => {
  assert.equal(qnumOf('KEY_ESC', 'linux'), 1)
  assert.equal(qnumOf('KEY_P', 'linux'), 0x19)
  assert.equal(qnumOf('KEY_LEFTBRACE', 'linux'), 26)
  assert.equal(qnumOf('KEY_ENTER', 'linux'), 0x1c)
  assert.equal(qnumOf('KEY_LEFTSHIFT', 'linux'), 0x2a)
  assert.equal(qnumOf('KEY_BACKSLASH', 'linux'), 0x2b)
  assert.equal(qnumOf('KEY_SPACE', 'linux'), 0x39)
  assert.equal(qnumOf('KEY_CAPSLOCK', 'linux'), 0x3a)
  assert.equal(qnumOf('KEY_F10', 'linux'), 0x44)
  assert.equal(qnumOf('KEY_KPMINUS', 'linux'), 0x4a)
  assert.equal(qnumOf('KEY_KPDOT', 'linux'), 0x53)
  assert.equal(qnumOf('KEY_DELETE', 'qnum'), 0xd3)
  assert.equal(qnumOf(111, 'linux'), 0xd3)
  assert.equal(qnumOf('0x6f', 'linux'), 0xd3)
  assert.equal(qnumOf(111, 'qnum'), 111)
})

test('qnumOf() knows no other keys', () => {
  for (const key of [
    'KEY_NONE',
    'KEY_toString',
    'ESC',
    '',
    '0',
    '-1',
    '1.5',
    84,
    256,
    'KEY_constructor',
  ])
    assert.equal(qnumOf(key, 'linux'), undefined, String(key))
})
