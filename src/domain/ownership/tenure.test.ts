import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { type TestStore, testStore } from '../../../test/support/test-store.ts'
import { elsewhereOf } from './elsewhere.ts'
import { readOwner } from './owner.ts'
import { Tenure, type TenureOptions } from './tenure.ts'

afterEach(() => {
  delete process.env['STASIS_HOST_ID']
})

/** Takes the domain as a process of that host does. */
async function takeOn(
  host: string,
  store: Pick<TestStore, 'directories' | 'paths'>,
  more: Pick<TenureOptions, 'takeOver' | 'settledMs'> = {},
): Promise<Tenure> {
  process.env['STASIS_HOST_ID'] = host
  return Tenure.take(store.directories, store.paths('web'), {
    verb: 'start',
    atOnce: true,
    settledMs: 0,
    ...more,
  })
}

test('Tenure.take() gives a domain to one of several hosts, and counts up', async () => {
  await using store = await testStore()
  const hosts = ['a', 'b', 'c', 'd']
  const ends = await Promise.allSettled(hosts.map((host) => takeOn(host, store)))
  const taken = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
  assert.equal(taken.length, 1)
  for (const end of ends)
    if (end.status === 'rejected') assert.equal(end.reason.code, 'DOMAIN_ELSEWHERE')
  assert.equal(taken[0]?.generation, 1)
  await taken[0]?.[Symbol.asyncDispose]()
  const owner = await readOwner(store.directories, 'web')
  assert.deepEqual(owner, { generation: 2, runner: undefined, holder: undefined })
  await using again = await takeOn('b', store)
  assert.equal(again.generation, 3)
})

test('Tenure.take() changes the directories of saves, so that a network file system shows those of other hosts', async () => {
  await using store = await testStore()
  const directories = ['save', 'images'].map((name) => join(store.directories.stateDir, name))
  for (const path of directories) await mkdir(path, { recursive: true })
  const changes = (): Promise<readonly bigint[]> =>
    Promise.all(directories.map(async (path) => (await stat(path, { bigint: true })).mtimeNs))
  const before = await changes()
  await using _ = await takeOn('a', store)
  const after = await changes()
  for (const [index, time] of after.entries()) assert.ok(time > (before[index] ?? time))
  for (const path of directories) assert.deepEqual(await readdir(path), [])
})

test('a domain that runs belongs to its host until its record is gone', async () => {
  await using store = await testStore()
  const record = await store.run('web')
  await (await takeOn('a', store))[Symbol.asyncDispose]()
  const { runner } = await readOwner(store.directories, 'web')
  assert.equal(runner?.pid, record.pid)
  assert.equal(runner?.generation, 1)
  process.env['STASIS_HOST_ID'] = 'b'
  assert.equal((await elsewhereOf(store.directories, 'web'))?.hostId, 'a')
  await assert.rejects(takeOn('b', store), { code: 'DOMAIN_ELSEWHERE', host: runner?.hostName })
  // The same host still has it, with the generation in which it took it.
  await (await takeOn('a', store))[Symbol.asyncDispose]()
  assert.equal((await readOwner(store.directories, 'web')).runner?.generation, 1)
})

test('take-over is from the host that had the domain first, and ends what that host began', async () => {
  await using store = await testStore()
  const first = await takeOn('a', store)
  await first.confirm()
  await assert.rejects(takeOn('b', store), { code: 'DOMAIN_ELSEWHERE' })
  const ends = await Promise.allSettled(
    ['b', 'c'].map((host) => takeOn(host, store, { takeOver: { host: 'a', generation: 1 } })),
  )
  assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
  process.env['STASIS_HOST_ID'] = 'a'
  await assert.rejects(first.confirm(), { code: 'DOMAIN_ELSEWHERE' })
  const before = await readOwner(store.directories, 'web')
  await first[Symbol.asyncDispose]()
  assert.deepEqual(await readOwner(store.directories, 'web'), before)
})

test('a host that has booted again, and a dead process of this boot, no longer have a domain', async () => {
  await using store = await testStore()
  await takeOn('a', store)
  const directory = join(store.directories.stateDir, 'owners/web')
  const [name = ''] = await readdir(directory)
  const text = await readFile(join(directory, name), 'utf8')
  const other = { ...store, directories: { ...store.directories, runtimeDir: store.join('other') } }
  await assert.rejects(takeOn('a', other), {
    code: 'DOMAIN_ELSEWHERE',
    message: /runtime directory/,
  })
  await writeFile(join(directory, name), text.replace(/"startTime": \d+/, '"startTime": 1'))
  assert.equal((await takeOn('a', other)).generation, 2)
  await writeFile(join(directory, '3.json'), text.replace(/"bootId": "[^"]*"/, '"bootId": "x"'))
  await assert.rejects(takeOn('b', store), { code: 'DOMAIN_ELSEWHERE' })
  assert.equal((await takeOn('a', store)).generation, 4)
})

test('a host that was copied with its id is another host', async () => {
  await using store = await testStore()
  await takeOn('a', store)
  const path = join(store.directories.stateDir, 'owners/web/1.json')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace(/"hostName": "[^"]*"/, '"hostName": "copy"'))
  await assert.rejects(takeOn('a', store), { code: 'DOMAIN_ELSEWHERE', host: 'copy' })
})

test('take-over does not rob a host whose command goes on', async () => {
  await using store = await testStore()
  await takeOn('a', store)
  const promise = { host: 'a', generation: 1 }
  const late = assert.rejects(takeOn('b', store, { takeOver: promise, settledMs: 300 }), {
    code: 'DOMAIN_ELSEWHERE',
  })
  // Its next command, whether the other host has looked by now or not.
  await takeOn('a', store)
  await late
  // A command that changes nothing has died with its host.
  const takeOver = { host: 'a', generation: 2 }
  await using taken = await takeOn('b', store, { takeOver, settledMs: 300 })
  assert.equal(taken.generation, 3)
})

test('take-over is from the named host only, in the generation in which it was seen to have the domain', async () => {
  await using store = await testStore()
  await takeOn('a', store)
  const { holder } = await readOwner(store.directories, 'web')
  for (const [host, generation] of [
    ['c', 1],
    ['a', 2],
    // Every host of this test has this name.
    [holder?.hostName ?? '', 1],
  ] as const)
    await assert.rejects(takeOn('b', store, { takeOver: { host, generation } }), {
      code: 'DOMAIN_ELSEWHERE',
      hostId: 'a',
      generation: 1,
      message: /not taken over from .*: host .* \(a\) has it, in generation 1$/,
    })
  await using taken = await takeOn('b', store, { takeOver: { host: 'a', generation: 1 } })
  assert.equal(taken.generation, 2)
  // Whoever comes late with the same promise does not take it from the new owner.
  await assert.rejects(takeOn('c', store, { takeOver: { host: 'a', generation: 1 } }), {
    code: 'DOMAIN_ELSEWHERE',
    hostId: 'b',
    generation: 2,
  })
})

test('take-over does not change a domain that no host has', async () => {
  await using store = await testStore()
  await using taken = await takeOn('b', store, { takeOver: { host: 'a', generation: 7 } })
  assert.equal(taken.generation, 1)
})

test('take-over knows a host by its name if this host has another one', async () => {
  await using store = await testStore()
  await takeOn('a', store)
  const path = join(store.directories.stateDir, 'owners/web/1.json')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace(/"hostName": "[^"]*"/, '"hostName": "alpha"'))
  await using taken = await takeOn('b', store, { takeOver: { host: 'alpha', generation: 1 } })
  assert.equal(taken.generation, 2)
})
