import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  destroyDomain,
  managedSaveDomain,
  removeManagedSave,
  renameDomain,
  saveDomain,
  setAutostart,
  startDomain,
  suspendDomain,
  undefineDomain,
} from '../../src/index.ts'
import { on, sharedState } from '../support/shared-state.ts'
import { stasisWith } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

test('hosts of a shared directory pass a guest on, and none changes what another runs', async () => {
  await using shared = await sharedState()
  const { hosts, log, stateDir } = shared
  const [a, b] = hosts
  assert.equal((await a.stasis('start', 'tiny')).exitCode, 0)
  await log.advance(1)
  const acts: readonly (() => Promise<unknown>)[] = [
    () => startDomain('tiny', b),
    () => startDomain('tiny', { ...b, forceBoot: true }),
    () => destroyDomain('tiny', b),
    () => suspendDomain('tiny', b),
    () => managedSaveDomain('tiny', b),
    () => removeManagedSave('tiny', b),
    () => undefineDomain('tiny', b),
    () => renameDomain('tiny', 'other', b),
    () => setAutostart('tiny', b),
    () => saveDomain('tiny', shared.dir.join('image'), b),
  ]
  await on(b, async () => {
    for (const act of acts) await assert.rejects(act(), { code: 'DOMAIN_ELSEWHERE' }, String(act))
  })
  const listed = await b.stasis('list', '--all')
  assert.match(listed.stdout, /State +Host\n[^]*tiny +elsewhere +\S/)
  assert.match((await a.stasis('list', '--all')).stdout, /State\n[^]*tiny +running\n/)
  assert.equal((await b.json('domstate', 'tiny'))['state'], 'elsewhere')
  assert.equal((await b.json('dominfo', 'tiny'))['state'], 'elsewhere')
  await log.advance(1)

  assert.equal((await a.stasis('managedsave', 'tiny')).exitCode, 0)
  assert.equal((await b.stasis('start', 'tiny')).exitCode, 0)
  await log.advance(1)
  assert.equal((await a.json('start', 'tiny'))['code'], 'DOMAIN_ELSEWHERE')
  await log.assertUnbroken()
  assert.deepEqual((await readdir(join(stateDir, 'hosts'))).toSorted(), ['a', 'b'])
})

test('a domain is taken over from a host that is off, and its managed save is used once', async () => {
  await using shared = await sharedState()
  const { dir, hosts, log, stateDir } = shared
  const [a, b] = hosts
  await a.json('start', 'tiny')
  await log.advance(1)
  await a.json('managedsave', 'tiny')
  const [image, copy] = [join(stateDir, 'save/tiny.save'), dir.join('copy')]
  await copyFile(image, copy)
  const { id } = await a.json('start', 'tiny')
  await log.advance(1)
  // Its host is off, with its runtime directory, and nothing was released. The removal of the image did not reach the disk.
  await rename(a.runtimeDir, `${a.runtimeDir}.off`)
  process.kill(id as number, 'SIGKILL')
  await copyFile(copy, image)
  const refused = await b.json('start', 'tiny')
  assert.deepEqual([refused['code'], refused['hostId']], ['DOMAIN_ELSEWHERE', 'a'])
  assert.doesNotMatch(String(refused['hint']), /--take-over/)
  const seen = await b.json('domstate', 'tiny')
  assert.deepEqual([seen['generation'], seen['hostId']], [refused['generation'], 'a'])
  const generation = Number(seen['generation'])
  for (const wrong of [`c:${generation}`, `a:${generation - 1}`]) {
    const { code, message } = await b.json('start', 'tiny', '--take-over', wrong)
    assert.equal(code, 'DOMAIN_ELSEWHERE')
    assert.match(String(message), /not taken over from .*: host .*\(a\) has it, in generation/)
  }
  const used = await b.json('start', 'tiny', '--take-over', `a:${generation}`)
  assert.equal(used['code'], 'IMAGE_STALE')
  assert.match(String(used['causes']), /used up: .* on host '.+' at .*, as generation \d+/)
  // Only the domain was taken over.
  assert.equal((await b.json('domstate', 'tiny'))['state'], 'shut off')
  assert.equal((await b.stasis('start', 'tiny', '--stale', 'boot')).exitCode, 0)
  assert.equal((await b.json('domstate', 'tiny'))['state'], 'running')
  // A host that was off as well, and a command that comes late: the domain has another owner now.
  for (const host of [a, shared.hosts[2]]) {
    const late = await host.json('start', 'tiny', '--take-over', `a:${generation}`)
    assert.deepEqual([late['code'], late['hostId']], ['DOMAIN_ELSEWHERE', 'b'])
  }
  assert.equal((await b.json('domstate', 'tiny'))['state'], 'running')
  assert.equal((await b.stasis('destroy', 'tiny')).exitCode, 0)
  assert.equal((await a.json('restore', copy))['code'], 'IMAGE_STALE')
  const owners = await readdir(join(stateDir, 'owners/tiny'))
  const newest = Math.max(...owners.map((name) => Number.parseInt(name, 10)))
  const owner = JSON.parse(await readFile(join(stateDir, `owners/tiny/${newest}.json`), 'utf8'))
  assert.deepEqual([owner.runner, owner.holder], [undefined, undefined])
})

test('a guest that shuts down by itself may start on another host at once', async () => {
  await using shared = await sharedState()
  const [a, b] = shared.hosts
  const { id } = await a.json('start', 'tiny')
  process.kill(id as number, 'SIGTERM')
  const deadline = performance.now() + 20_000
  while ((await b.json('domstate', 'tiny'))['state'] === 'elsewhere')
    assert.ok(performance.now() < deadline, 'nobody has released the domain')
  assert.equal((await b.stasis('start', 'tiny')).exitCode, 0)
})

test('state-share turns a directory with a running domain into a shared one', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir, dir, log } = tiny
  await stasisWith({ stateDir, env: {} }, 'autostart', 'tiny')
  const other = { STASIS_HOST_ID: 'other', STASIS_RUNTIME_DIR: dir.join('other') }
  const refused = await stasisWith({ stateDir, env: other }, 'start', 'tiny')
  assert.equal(refused.exitCode, 7)
  assert.match(refused.stderr, /stasis state-share/)
  // Its sockets are where other hosts would see them.
  const inside = await stasisWith({ stateDir, env: {} }, 'state-share', '--json')
  assert.match(inside.stderr, /RUNTIME_NOT_LOCAL/)
  const elsewhere = { STASIS_RUNTIME_DIR: dir.join('own') }
  const running = await stasisWith({ stateDir, env: elsewhere }, 'state-share', '--json')
  assert.match(running.stderr, /"DOMAIN_RUNNING"/)
  assert.match(running.stderr, /host-save/)
  assert.equal((await stasisWith({ stateDir, env: other }, 'start', 'tiny')).exitCode, 7)
  await log.advance(1)
  assert.equal((await stasisWith({ stateDir, env: {} }, 'managedsave', 'tiny')).exitCode, 0)
  const shared = await stasisWith({ stateDir, env: elsewhere }, 'state-share', '--json')
  assert.equal(shared.exitCode, 0, shared.stderr)
  assert.equal((await stasisWith({ stateDir, env: other }, 'start', 'tiny')).exitCode, 0)
  await log.advance(1)
  await log.assertUnbroken()
  const list = async (env: Readonly<Record<string, string>>): Promise<string> =>
    (await stasisWith({ stateDir, env }, 'list', '--all', '--autostart')).stdout
  assert.match(await list(elsewhere), /tiny/)
  assert.doesNotMatch(await list(other), /tiny/)
  assert.equal((await stasisWith({ stateDir, env: other }, 'destroy', 'tiny')).exitCode, 0)
  await mkdir(runtimeDir, { recursive: true })
})

test('the record of another host in a runtime directory is never judged', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir, log } = tiny
  const path = join(runtimeDir, 'tiny/process.json')
  const record = await readFile(path, 'utf8')
  const foreign = record
    .replace(/"bootId": "[^"]*"/, '"bootId": "another"')
    .replace(/"hostId": "[^"]*"/, '"hostId": "another"')
  assert.notEqual(foreign, record)
  await writeFile(path, foreign)
  for (const args of [['list'], ['start', 'tiny'], ['destroy', 'tiny'], ['undefine', 'tiny']]) {
    const { stdout, stderr } = await stasisWith({ stateDir, env: {} }, ...args)
    assert.match(`${stdout}${stderr}`, /Another host runs domain 'tiny'/, args.join(' '))
  }
  assert.equal(await readFile(path, 'utf8'), foreign)
  await writeFile(path, record)
  await log.advance(1)
})

test('the verbs for agents may be repeated, and a stale managed save is kept aside', async () => {
  await using shared = await sharedState({ ownDisk: true })
  const { dir, hosts, stateDir, log } = shared
  const [a, b] = hosts
  const first = await a.json('start', 'tiny', '--if-off')
  assert.equal(first['alreadyRunning'], undefined)
  const again = await a.json('start', 'tiny', '--if-off')
  assert.deepEqual([again['alreadyRunning'], again['id']], [true, first['id']])
  assert.equal((await b.json('start', 'tiny', '--if-off'))['code'], 'DOMAIN_ELSEWHERE')
  assert.equal((await a.stasis('domstate', 'tiny', '--quick')).stdout.trim(), 'running')
  await log.advance(1)
  const channels = ['--format', 'channels', '--parallel-connections', '2']
  const saved = await a.json('managedsave', 'tiny', '--if-running', ...channels)
  assert.equal(saved['channels'], 2)
  for (const verb of ['managedsave', 'destroy'])
    assert.equal((await b.json(verb, 'tiny', '--if-running'))['running'], false)
  assert.equal((await b.stasis('domstate', 'tiny', '--quick')).stdout.trim(), 'shut off')

  await appendFile(dir.join('disk'), Buffer.alloc(512))
  const stale = await b.json('start', 'tiny')
  assert.equal(stale['code'], 'IMAGE_STALE', JSON.stringify(stale))
  const booted = await b.stasis('start', 'tiny', '--stale', 'boot')
  assert.equal(booted.exitCode, 0, booted.stderr)
  const names = await readdir(join(stateDir, 'save'))
  assert.equal(names.filter((name) => /^tiny\.stale-[^.]+(\.[12])?$/.test(name)).length, 3)
  const [aside = ''] = names.filter((name) => /^tiny\.stale-[^.]+$/.test(name))
  assert.equal((await b.stasis('image-verify', join(stateDir, 'save', aside))).exitCode, 0)
  // A second machine with that disk.
  const xml = await readFile(join(stateDir, 'domains/tiny.xml'), 'utf8')
  const second = xml.replace('<name>tiny<', '<name>second<').replace(/<uuid>.*<\/uuid>/, '')
  await writeFile(dir.join('second.xml'), second)
  assert.equal((await a.json('create', dir.join('second.xml')))['code'], 'DISK_IN_USE')
})
