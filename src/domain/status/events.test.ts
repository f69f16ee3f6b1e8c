import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeStatus } from '../../../test/support/fake-status.ts'
import { testStore } from '../../../test/support/test-store.ts'
import { removeDefinition } from '../store/definitions.ts'
import { recordEnd } from '../store/last-end.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'
import { watchEvents } from './events.ts'

test('watchEvents() yields each change once, until its signal is aborted', async () => {
  await using store = await testStore()
  await store.define('other')
  const abort = new AbortController()
  const events = watchEvents({ ...store.directories, domain: 'web', signal: abort.signal })
  /** The next events after `act`, as many as `count`. */
  const after = async (count: number, act: () => Promise<unknown>): Promise<readonly string[]> => {
    const next = events.next()
    await act()
    const found = [await next]
    while (found.length < count) found.push(await events.next())
    return found.map(({ value }) => `${value?.domain} ${value?.event} ${value?.detail}`)
  }
  const defined = await after(1, async () => {
    await store.define('another')
    await store.define('web')
  })
  assert.deepEqual(defined, ['web Defined Added'])
  let status = 'running'
  let record: RuntimeRecord | undefined
  await using stack = new AsyncDisposableStack()
  const started = await after(1, async () => {
    record = await store.run('web')
    stack.use(await fakeStatus(store.paths('web'), () => status))
  })
  assert.deepEqual(started, ['web Started Booted'])
  assert.deepEqual(await after(1, async () => (status = 'paused')), ['web Suspended Paused'])
  assert.deepEqual(await after(1, async () => (status = 'running')), ['web Resumed Unpaused'])
  assert.deepEqual(await after(1, async () => (status = 'guest-panicked')), [
    'web Crashed Panicked',
  ])
  const stopped = await after(2, async () => {
    await removeDefinition(store.directories, 'web')
    if (record !== undefined) await store.kill(record)
    await recordEnd(store.paths('web'), 'destroyed')
  })
  assert.equal(stopped.includes('web Undefined Removed'), true)
  assert.match(stopped[0] ?? '', /^web Stopped/)
  const end = events.next()
  abort.abort()
  assert.equal((await end).done, true)
})
