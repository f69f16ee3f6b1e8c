import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anySignal } from './any-signal.ts'

test('anySignal() is aborted when one of its signals is, with its reason', () => {
  const [one, two] = [new AbortController(), new AbortController()]
  const signal = anySignal(one.signal, undefined, two.signal)
  assert.equal(signal.aborted, false)
  two.abort('late')
  assert.equal(signal.reason, 'late')
})

test('anySignal() makes nothing new when there is nothing to put together', () => {
  const { signal } = new AbortController()
  assert.equal(anySignal(undefined, signal), signal)
  assert.equal(anySignal(undefined, undefined), undefined)
})
