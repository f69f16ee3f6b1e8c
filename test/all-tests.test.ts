import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type Work, runInLanes } from '../scripts/all-tests/lanes.ts'
import { LONGEST, WITHOUT_QEMU, longestFirst, scriptsBefore } from '../scripts/all-tests/order.ts'

/** Runs works that end when the test says so. */
function start(works: readonly Work[], lanes: number) {
  const running = new Map<string, () => void>()
  const ended = runInLanes(works, lanes, ({ name }) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    running.set(name, resolve)
    return promise
  })
  const end = async (name: string): Promise<void> => {
    running.get(name)?.()
    running.delete(name)
    await setImmediate()
  }
  return { running: () => [...running.keys()].join(' '), end, ended }
}

test('runInLanes() does the first work that can begin, and as many as there are lanes', async () => {
  const { running, end, ended } = start(
    ['a', 'b', 'c', 'd'].map((name) => ({ name })),
    2,
  )
  assert.equal(running(), 'a b')
  await end('b')
  assert.equal(running(), 'a c')
  await end('c')
  assert.equal(running(), 'a d')
  await end('a')
  await end('d')
  await ended
})

test('runInLanes() never does two works of a group at a time', async () => {
  const group = 'libvirt'
  const works = [{ name: 'a', group }, { name: 'b', group }, { name: 'c' }]
  const { running, end, ended } = start(works, 3)
  assert.equal(running(), 'a c')
  await end('a')
  assert.equal(running(), 'c b')
  await end('b')
  await end('c')
  await ended
})

test('runInLanes() begins a work once what it waits for has ended, or has failed', async () => {
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  const works = [
    { name: 'a', after: first.promise },
    { name: 'b', after: second.promise },
    { name: 'c' },
  ]
  const { running, end, ended } = start(works, 2)
  assert.equal(running(), 'c')
  second.reject(new Error('no network'))
  await setImmediate()
  assert.equal(running(), 'c b')
  await end('c')
  await end('b')
  assert.equal(running(), '')
  first.resolve()
  await setImmediate()
  assert.equal(running(), 'a')
  await end('a')
  await ended
})

test('a file waits for the scripts that bring what it needs', () => {
  for (const path of WITHOUT_QEMU)
    assert.ok(existsSync(join(import.meta.dirname, '..', path)), path)
  assert.deepEqual(scriptsBefore('test/documents.test.ts'), [])
  assert.deepEqual(scriptsBefore('test/guests.test.ts'), ['scripts/prepare-tests'])
  const scripts = ['scripts/prepare-tests', 'scripts/libvirt-bed 9.0 get']
  assert.deepEqual(scriptsBefore('test/libvirt/spice.test.ts'), scripts)
})

test('the longest test files exist, and begin first', () => {
  for (const path of LONGEST) assert.ok(existsSync(join(import.meta.dirname, '..', path)), path)
  const [longest = ''] = LONGEST.slice(-1)
  assert.deepEqual(longestFirst(['test/a.test.ts', longest]), [longest, 'test/a.test.ts'])
})
