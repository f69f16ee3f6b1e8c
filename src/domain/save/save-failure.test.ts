import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancelledError, QemuError, StorageError } from '../../errors.ts'
import { saveFailure } from './save-failure.ts'

test('saveFailure() has the kind of its cause and reports the state of the guest', () => {
  const cause = new StorageError('NO_SPACE', 'No space left for /b/x', { path: '/b/x' })
  const error = saveFailure('web', cause, 'the guest runs on')
  assert.ok(error instanceof StorageError)
  assert.equal(error.code, 'NO_SPACE')
  assert.equal(error.message, "Could not save domain 'web'; the guest runs on")
  assert.equal(error.operation, "save domain 'web'")
  assert.equal(error.path, '/b/x')
  assert.equal(error.cause, cause)
  assert.ok(saveFailure('web', new QemuError('QEMU_DIED', 'x'), 'it is gone') instanceof QemuError)
})

test('saveFailure() keeps the reason of a cancelled save, and its outcome separately', () => {
  const error = saveFailure('web', new CancelledError('transfer', 'Ctrl-C'), 'the guest runs on')
  assert.ok(error instanceof CancelledError)
  assert.equal(error.message, "Cancelled: save domain 'web'; the guest runs on")
  assert.equal(error.outcome, 'the guest runs on')
  assert.equal(error.cause, 'Ctrl-C')
})

test('saveFailure() reports a foreign error as an internal one', () => {
  assert.equal(saveFailure('web', new TypeError('x'), 'the guest runs on').code, 'INTERNAL')
})
