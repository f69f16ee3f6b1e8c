import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancelledError, QemuError } from '../../errors.ts'
import { nameCancel } from './name-cancel.ts'

test('nameCancel() reports a cancelled step as the whole operation, even when the step begins with the same verb', async () => {
  for (const step of ['open a.save', 'restore the memory']) {
    const act = Promise.reject(new CancelledError(step, 'too slow'))
    await assert.rejects(nameCancel('restore a.save', act), {
      code: 'CANCELLED',
      operation: 'restore a.save',
      message: 'Cancelled: restore a.save',
      cause: 'too slow',
    })
  }
})

test('nameCancel() keeps the outcome that the step reports', async () => {
  const step = new CancelledError('transfer memory', undefined, 'the guest runs on')
  await assert.rejects(nameCancel("save domain 'web'", Promise.reject(step)), {
    message: "Cancelled: save domain 'web'; the guest runs on",
    outcome: 'the guest runs on',
  })
})

test('nameCancel() leaves other errors and results alone', async () => {
  const error = new QemuError('QEMU_DIED', 'x')
  await assert.rejects(nameCancel('restore a.save', Promise.reject(error)), error)
  assert.equal(await nameCancel('restore a.save', Promise.resolve(1)), 1)
})
