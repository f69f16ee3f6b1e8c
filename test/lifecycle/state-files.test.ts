import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, chown, mkdir, readFile, readdir, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  domainInfo,
  listDomains,
  managedSaveDomain,
  resumeDomain,
  saveDomain,
  startDomain,
  suspendDomain,
} from '../../src/index.ts'
import { identifyProcess } from '../../src/qemu/process/process-identity.ts'
import { faultEnvironment } from '../support/faults/fault-environment.ts'
import { newestQemu } from '../support/qemus.ts'
import { snapshotOf } from '../support/snapshot.ts'
import { stasis, stasisWith } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const NOBODY = 65534

interface Recorded {
  readonly path: string
  readonly text: string
  readonly record: Record<string, unknown>
  readonly pid: number
}

async function recordOf({ runtimeDir }: TinyDomain): Promise<Recorded> {
  const path = join(runtimeDir, 'tiny/process.json')
  const text = await readFile(path, 'utf8')
  const record = JSON.parse(text) as Record<string, unknown>
  return { path, text, record, pid: record['pid'] as number }
}

async function assertRuns(pid: number): Promise<void> {
  assert.ok((await identifyProcess(pid)) !== undefined, 'the QEMU is gone')
}

/** Another domain, which is only defined. */
async function defineOther({ xml, stateDir }: TinyDomain): Promise<void> {
  const uuid = '11111111-2222-4333-8444-555555555555'
  const named = xml.replace('<name>tiny<', '<name>other<')
  await defineDomain(named.replace(/<uuid>[^<]*</, `<uuid>${uuid}<`), { stateDir })
}

for (const { label, emulator } of newestQemu()) {
  test(
    `a running domain whose record is unreadable keeps its QEMU ${label}`,
    { timeout: 120_000 },
    async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, log } = tiny
      await log.advance(1)
      await defineOther(tiny)
      const { path, text, record, pid } = await recordOf(tiny)
      const texts: readonly (readonly [text: string, code: string])[] = [
        ['{', 'STATE_UNREADABLE'],
        ['', 'STATE_UNREADABLE'],
        [JSON.stringify({ ...record, qemuVersion: 7 }), 'STATE_UNREADABLE'],
        [JSON.stringify({ ...record, version: 99 }), 'STATE_TOO_NEW'],
      ]
      for (const [bad, code] of texts) {
        await writeFile(path, bad)
        const before = await snapshotOf(stateDir)
        const list = await stasis(stateDir, 'list', '--all')
        assert.equal(list.exitCode, 0, list.stderr)
        assert.match(list.stdout, /^ -    tiny    unknown$/m)
        assert.match(list.stdout, /^ -    other   shut off$/m)
        assert.ok(list.stderr.includes(path), list.stderr)
        const [summary] = (await listDomains({ stateDir })).filter(({ name }) => name === 'tiny')
        assert.deepEqual([summary?.state, summary?.fault?.code], ['unknown', code])
        const domstate = await stasis(stateDir, 'domstate', 'tiny')
        assert.equal(domstate.exitCode, 7)
        assert.ok(domstate.stderr.includes(path), domstate.stderr)
        await assert.rejects(domainInfo('tiny', { stateDir }), { code, path })
        assert.deepEqual(await snapshotOf(stateDir), before, 'a look writes nothing')
        for (const act of [startDomain, suspendDomain, resumeDomain, managedSaveDomain])
          await assert.rejects(act('tiny', { stateDir }), { code, path })
        await assertRuns(pid)
      }
      await log.advance(1)
      await writeFile(path, text)
      assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
      await writeFile(path, '{')
      await destroyDomain('tiny', { stateDir })
      assert.equal(await identifyProcess(pid), undefined)
      assert.equal((await domainInfo('tiny', { stateDir })).lastEnd?.reason, 'destroyed')
      assert.deepEqual(await readdir(tiny.runtimeDir), [])
    },
  )
}

test('a running domain whose record is missing keeps its QEMU', { timeout: 60_000 }, async () => {
  await using tiny = await startTinyDomain()
  const { stateDir } = tiny
  const { path, pid } = await recordOf(tiny)
  await unlink(path)
  const fault = { code: 'STATE_UNREADABLE', path, message: new RegExp(`process ${pid}`) }
  await assert.rejects(domainInfo('tiny', { stateDir }), fault)
  await assert.rejects(startDomain('tiny', { stateDir }), fault)
  await assertRuns(pid)
  await destroyDomain('tiny', { stateDir })
  assert.equal(await identifyProcess(pid), undefined)
})

test('a process that is not a QEMU of the domain is not ended', { timeout: 60_000 }, async () => {
  await using tiny = await startTinyDomain()
  const { stateDir } = tiny
  const { path, record, pid } = await recordOf(tiny)
  const child = spawn('sleep', ['600'])
  await once(child, 'spawn')
  try {
    process.kill(pid, 'SIGKILL')
    while ((await identifyProcess(pid)) !== undefined);
    const other = await identifyProcess(child.pid as number)
    for (const stage of ['starting', 'running']) {
      await writeFile(path, JSON.stringify({ ...record, ...other, stage }))
      const fault = { code: 'STATE_UNREADABLE', path }
      await assert.rejects(domainInfo('tiny', { stateDir }), fault)
      for (const act of [startDomain, suspendDomain, resumeDomain])
        await assert.rejects(act('tiny', { stateDir }), fault)
      await assertRuns(child.pid as number)
    }
    await destroyDomain('tiny', { stateDir })
    await assertRuns(child.pid as number)
  } finally {
    child.kill()
  }
})

test('a lack of descriptors does not make a running domain disappear', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir, log } = tiny
  const { pid } = await recordOf(tiny)
  const before = await readdir(join(runtimeDir, 'tiny'))
  // `suspend` looks twice: when it searches for the domain, and when it has the lock.
  for (const [verb, nth] of [
    ['list', 1],
    ['domstate', 1],
    ['suspend', 2],
  ] as const) {
    for (const file of ['stat', 'cmdline']) {
      const env = faultEnvironment({ fault: `open:EMFILE:${nth}:/proc/${pid}/${file}` })
      const args = verb === 'list' ? [] : ['tiny']
      const { stdout, stderr } = await stasisWith({ stateDir, env }, verb, ...args)
      assert.match(stderr, /EMFILE/, verb)
      if (verb === 'list') assert.match(stdout, /tiny +unknown/)
      assert.deepEqual(await readdir(join(runtimeDir, 'tiny')), before)
    }
  }
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
  await log.advance(1)
})

test('a record from before versions is read', { timeout: 60_000 }, async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log } = tiny
  await log.advance(1)
  await managedSaveDomain('tiny', { stateDir })
  await startDomain('tiny', { stateDir, paused: true })
  const { path, record } = await recordOf(tiny)
  const { version, restoredFrom, executable, ...rest } = record
  assert.deepEqual([version, typeof executable], [1, 'string'])
  const { imageId, ...from } = restoredFrom as Record<string, unknown>
  await writeFile(path, JSON.stringify({ ...rest, origin: { ...from, key: imageId } }))
  const { state, managedSave } = await domainInfo('tiny', { stateDir })
  assert.deepEqual([state, managedSave], ['paused', true])
  await resumeDomain('tiny', { stateDir })
  assert.deepEqual(await readdir(join(stateDir, 'save')), [], 'the managed save is used up')
  const now = (await recordOf(tiny)).record
  assert.equal(now['version'], 1)
  assert.deepEqual(now['restoredFrom'], { imageId, ...from, begun: true })
  await log.advance(1)
  await log.assertUnbroken()
})

test(
  'directories of another user are refused, and what lies in them is not believed',
  { skip: process.geteuid?.() !== 0 && 'only root can give files away' },
  async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const child = spawn('sleep', ['600'])
    await once(child, 'spawn')
    try {
      const identity = await identifyProcess(child.pid as number)
      const record = {
        ...{ ...identity, stage: 'starting', uuid: '', emulator: '/bin/sleep' },
        ...{ qemuVersion: '10.0.0', commandLine: [] },
      }
      for (const runtimeDir of [join(stateDir, 'run'), dir.join('run')]) {
        await mkdir(join(runtimeDir, 'tiny'), { recursive: true })
        await writeFile(join(runtimeDir, 'tiny/process.json'), JSON.stringify(record))
      }
      for (const planted of ['state', 'run']) {
        await chown(dir.join(planted), NOBODY, NOBODY)
        await chmod(dir.join(planted), 0o777)
        const env = { STASIS_RUNTIME_DIR: dir.join('run') }
        const before = await snapshotOf(dir.path)
        for (const args of [
          ['list'],
          ['domstate', 'tiny'],
          ['start', 'tiny'],
          ['destroy', 'tiny'],
        ]) {
          const { exitCode, stderr } = await stasisWith({ stateDir, env }, ...args)
          assert.equal(exitCode, 7, stderr)
          assert.match(stderr, /is not safe to use: it belongs to user 65534/)
        }
        assert.deepEqual(await snapshotOf(dir.path), before)
        await assertRuns(child.pid as number)
        await chown(dir.join(planted), 0, 0)
        await chmod(dir.join(planted), 0o700)
      }
    } finally {
      child.kill()
    }
  },
)

test('version and image-check write nothing into the state directory', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  await log.advance(1)
  const image = dir.join('image')
  await saveDomain('tiny', image, { stateDir })
  const { exitCode, stdout } = await stasis(stateDir, 'image-check', image)
  assert.equal(exitCode, 0, stdout)
  const empty = dir.join('empty')
  for (const args of [['version'], ['image-check', image], ['image-info', image], ['list']]) {
    const before = await snapshotOf(stateDir)
    assert.equal((await stasis(stateDir, ...args)).exitCode, 0)
    assert.deepEqual(await snapshotOf(stateDir), before, args.join(' '))
    await stasis(empty, ...args)
    await assert.rejects(access(empty), { code: 'ENOENT' }, args.join(' '))
  }
})
