import assert from 'node:assert/strict'
import { lstat, mkdir, readFile, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { on, sharedState } from '../support/shared-state.ts'
import {
  checkSave,
  destroyDomain,
  domainInfo,
  dumpManagedSaveXml,
  listDomains,
  managedSaveDomain,
  managedSaveLive,
  pruneImages,
  removeManagedSave,
  renameDomain,
  resumeHost,
  shareState,
  startDomain,
  undefineDomain,
} from '../../src/index.ts'

test('managed saves in another directory are never absent because it is not mounted', async () => {
  await using shared = await sharedState()
  const { dir, hosts, log, stateDir } = shared
  const [a, b] = hosts
  const saves = dir.join('saves')
  const code = 'STATE_MISSING'
  const acts: readonly (() => Promise<unknown>)[] = [
    () => startDomain('tiny', b),
    () => startDomain('tiny', { ...b, forceBoot: true }),
    () => startDomain('tiny', { ...b, stale: 'boot' }),
    () => removeManagedSave('tiny', b),
    () => undefineDomain('tiny', b),
    () => undefineDomain('tiny', { ...b, managedSave: true }),
    () => renameDomain('tiny', 'other', b),
    () => dumpManagedSaveXml('tiny', b),
    () => resumeHost(b),
    () => pruneImages({ ...b, keep: 0 }),
  ]
  const refused = (): Promise<void> =>
    on(b, async () => {
      for (const act of acts) await assert.rejects(act(), { code }, String(act))
      const { state, managedSave } = await domainInfo('tiny', b)
      assert.deepEqual([state, managedSave], ['shut off', undefined])
      const listed = await listDomains({ ...b, all: true, managedSave: true })
      assert.deepEqual(
        listed.map(({ name, managedSave: saved }) => [name, saved]),
        [['tiny', undefined]],
      )
    })
  // A domain that is saved already: its image moves.
  await on(a, () => startDomain('tiny', a))
  await log.advance(1)
  await on(a, () => managedSaveDomain('tiny', a))
  await mkdir(saves, { mode: 0o700 })
  await assert.rejects(shareState({ ...a, saveDirectory: 'saves' }), { code: 'BAD_ARGUMENT' })
  assert.equal((await a.json('state-share', '--save-dir', saves))['saveDirectory'], saves)
  const [name = ''] = await readdir(saves)
  assert.deepEqual(await readdir(join(saves, name)), ['tiny.save'])
  assert.ok((await lstat(join(stateDir, 'save'))).isSymbolicLink())
  await on(b, () => shareState({ ...b, saveDirectory: saves }))
  assert.deepEqual(await readdir(saves), [name])

  const away = dir.join('away')
  await rename(saves, away)
  await refused()
  assert.match((await b.stasis('dominfo', 'tiny')).stdout, /Managed save: +unknown\n/)
  const listed = await b.stasis('list', '--all', '--managed-save')
  assert.match(listed.stdout, /tiny +shut off, save unknown\n/)
  // An empty mount point, and other storage with an id of its own.
  await mkdir(saves, { mode: 0o700 })
  await refused()
  await mkdir(join(saves, 'stasis-saves-0123456789abcdef'), { mode: 0o700 })
  await refused()
  await rename(saves, dir.join('wrong'))
  await rename(away, saves)
  assert.deepEqual(await readdir(join(saves, name)), ['tiny.save'])

  await on(b, () => startDomain('tiny', b))
  await log.advance(1)
  await rename(saves, away)
  // The guest runs on, and can be stopped by other means.
  await on(b, async () => {
    await assert.rejects(managedSaveDomain('tiny', b), { code })
    await assert.rejects(managedSaveLive('tiny', b), { code })
    assert.match(String((await checkSave('tiny', undefined, b)).obstacles), /is not there/)
    assert.equal((await domainInfo('tiny', b)).state, 'running')
  })
  await log.advance(1)
  await rename(away, saves)
  await on(b, () => managedSaveDomain('tiny', b))
  await on(a, () => startDomain('tiny', a))
  await log.advance(1)
  await log.assertUnbroken()
  await rename(saves, away)
  await on(a, () => destroyDomain('tiny', a))
  await rename(away, saves)
})

test('state-share moves managed saves only while nothing uses them', async () => {
  await using shared = await sharedState()
  const { dir, hosts, log, stateDir } = shared
  const [a, b] = hosts
  const [first, second] = [dir.join('first'), dir.join('second')]
  for (const place of [first, second]) await mkdir(place, { mode: 0o700 })
  await on(a, () => startDomain('tiny', a))
  await log.advance(1)
  // It has none, so it may run.
  await on(b, () => shareState({ ...b, saveDirectory: first }))
  await on(a, () => managedSaveLive('tiny', a))
  const record = await readFile(join(stateDir, 'host.json'), 'utf8')
  const move = (): Promise<unknown> => on(b, () => shareState({ ...b, saveDirectory: second }))
  await assert.rejects(move, { code: 'DOMAIN_RUNNING' })
  assert.equal(await readFile(join(stateDir, 'host.json'), 'utf8'), record)
  await log.advance(1)
  await on(a, () => managedSaveDomain('tiny', a))
  await move()
  const [name = ''] = await readdir(second)
  assert.ok((await readdir(join(second, name))).includes('tiny.save'))
  assert.deepEqual(await readdir(first), [])
  await on(b, () => startDomain('tiny', b))
  await log.advance(1)
  await log.assertUnbroken()
})
