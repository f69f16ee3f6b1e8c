import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { cancelOnAbort } from './cancel-on-abort.ts'

/** The state of a receiver with two channels, of which `channelBytes` are connected. */
function receiver(channelBytes: number[]): Parameters<typeof cancelOnAbort>[2] {
  return {
    multifd: { channels: 2, compression: 'none' },
    progress: () => ({
      transferredBytes: 0,
      ramBytes: 0,
      ramTotalBytes: 0,
      fileBytes: 0,
      channelBytes,
    }),
  }
}

test('cancelOnAbort() cancels at once with the reason when every channel is connected', async () => {
  const abort = new AbortController()
  const cancel = new AbortController()
  using _watch = cancelOnAbort(abort.signal, cancel, receiver([0, 0]))
  assert.equal(cancel.signal.aborted, false)
  abort.abort('enough')
  await delay(0)
  assert.equal(cancel.signal.reason, 'enough')
})

test('cancelOnAbort() waits until every channel is connected, also when the signal is already aborted', async () => {
  for (const early of [true, false]) {
    const abort = new AbortController()
    const cancel = new AbortController()
    const channels = [0]
    if (early) abort.abort()
    using _watch = cancelOnAbort(abort.signal, cancel, receiver(channels))
    abort.abort()
    await delay(30)
    assert.equal(cancel.signal.aborted, false)
    channels.push(0)
    await delay(30)
    assert.equal(cancel.signal.aborted, true)
  }
})

test('cancelOnAbort() does nothing after it is disposed', async () => {
  const abort = new AbortController()
  const cancel = new AbortController()
  cancelOnAbort(abort.signal, cancel, receiver([0, 0]))[Symbol.dispose]()
  abort.abort()
  await delay(10)
  assert.equal(cancel.signal.aborted, false)
})
