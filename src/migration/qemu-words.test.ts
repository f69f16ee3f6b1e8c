import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QemuError } from '../errors.ts'
import { QmpRefusal } from '../qmp/refusal.ts'
import { isDiskLocked, isRecovering } from './qemu-words.ts'

// The words of QEMU 7.0, which is not among those that tests run on.
test('isRecovering() recognises only the refusal of a second recovery', () => {
  const refusal = (words: string): QmpRefusal =>
    new QmpRefusal('migrate-recover', 'GenericError', words)
  assert.equal(isRecovering(refusal('Migrate recovery is triggered already')), true)
  assert.equal(
    isRecovering(refusal('Migrate recover can only be run when postcopy is paused.')),
    false,
  )
  assert.equal(isRecovering(new QemuError('QEMU_DIED', 'triggered already')), false)
})

test('isDiskLocked() recognises the refusal of a lock, shared or not', () => {
  for (const words of ['Failed to get "write" lock', 'Failed to get shared "consistent read" lock'])
    assert.equal(isDiskLocked(new QmpRefusal('cont', 'GenericError', words)), true)
  assert.equal(isDiskLocked(new QmpRefusal('cont', 'GenericError', 'Failed to get it')), false)
})
