import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancelledError, StasisError, StorageError } from '../errors.ts'
import { rewrapped } from './storage-error.ts'

test('rewrapped() puts an error of the same kind above its cause', () => {
  const full = new StorageError('NO_SPACE', 'No space left for /a', {
    operation: 'save',
    path: '/a',
    offset: 7,
    hint: 'Free some space',
    cause: new Error('ENOSPC'),
  })
  const above = rewrapped(full, { message: 'Could not save', hint: undefined })
  assert.ok(above instanceof StorageError)
  assert.equal(above.cause, full)
  assert.equal(above.path, '/a')
  const cancelled = rewrapped(new CancelledError('save', 'too slow'), { message: 'Stopped' })
  assert.ok(StasisError.is(cancelled, 'CANCELLED'))
  const fault = rewrapped(new TypeError('x is undefined'), { message: 'Could not save' })
  assert.ok(StasisError.is(fault, 'INTERNAL'))
  assert.ok(fault.cause instanceof TypeError)
})
