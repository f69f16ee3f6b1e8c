import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancelledError, ImageError, QemuError, StasisError } from '../../errors.ts'
import { mostSpecificFault } from './most-specific-fault.ts'

const died = new QemuError('QEMU_DIED', 'QEMU is gone')
const failed = new QemuError('MIGRATION_FAILED', 'Could not load')
const damaged = new ImageError('IMAGE_CORRUPT', 'It is damaged')
const cancelled = new CancelledError('restore')
const ranking = [
  (fault: unknown): boolean => fault instanceof ImageError,
  (fault: unknown): boolean => StasisError.is(fault, 'MIGRATION_FAILED'),
]

test('mostSpecificFault() goes by the ranking, then by the order', () => {
  assert.equal(mostSpecificFault([failed, damaged], undefined, ranking), damaged)
  assert.equal(mostSpecificFault([died, failed], undefined, ranking), failed)
  assert.equal(mostSpecificFault([died], undefined, ranking), died)
})

test('mostSpecificFault() returns a cancellation only when the caller requested it, or when there is nothing else', () => {
  const { signal } = new AbortController()
  assert.equal(mostSpecificFault([cancelled, died], signal, ranking), died)
  assert.equal(mostSpecificFault([damaged, cancelled], AbortSignal.abort(), ranking), cancelled)
  assert.equal(mostSpecificFault([cancelled], signal, ranking), cancelled)
})
