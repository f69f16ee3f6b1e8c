import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type LifecycleEvent,
  destroyDomain,
  listDomains,
  recoverPostcopyDomain,
  restoreDomain,
  saveDomain,
  watchEvents,
} from '../../src/index.ts'
import { waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { type LinuxDomain, startLinuxDomain } from '../support/linux-domain.ts'
import { findPageServer, pathsOf } from '../support/page-server.ts'
import { newestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'

const MEMORY_MIB = 256
const FILLED_MIB = 64

interface Saved extends LinuxDomain {
  readonly image: string
}

let guest: LinuxDomain
let whole: string

before(async () => {
  const [newest] = newestQemu()
  guest = await startLinuxDomain({
    emulator: newest?.emulator ?? '',
    memoryMib: MEMORY_MIB,
    vcpus: 2,
  })
  whole = guest.dir.join('whole')
  {
    await using console = await guest.console()
    const [, sum] = await console.ask(`fill ${FILLED_MIB}`, /^FILLED (\w+)/)
    assert.equal(sum, computeFillSum(FILLED_MIB))
  }
  await saveDomain(guest.name, whole, { stateDir: guest.stateDir })
})

after(() => guest[Symbol.asyncDispose]())

/** The Linux guest with a checksum to keep, saved, with an image of its own in a folder of its own. It is off at the end of the scope. */
async function saved(): Promise<Saved> {
  const image = join(await mkdtemp(guest.dir.join('of-')), 'image')
  await copyFile(whole, image)
  const { name, stateDir } = guest
  return {
    ...guest,
    image,
    async [Symbol.asyncDispose](): Promise<void> {
      await destroyDomain(name, { stateDir }).catch(() => undefined)
    },
  }
}

async function assertSum(domain: LinuxDomain): Promise<void> {
  await using console = await domain.console()
  const [, sum] = await console.ask('sum', /^SUM (\w+)/)
  assert.equal(sum, computeFillSum(FILLED_MIB))
}

/**
 * Stops the processes that load the memory, so that it does not arrive while a test looks. Only a QEMU whose guest is paused then answers for sure:
 * to deliver an interrupt, QEMU may need a page that is missing.
 */
async function halt(domain: LinuxDomain): Promise<readonly number[]> {
  const { server, supervisor } = await findPageServer(pathsOf(domain))
  const pids = [supervisor, server]
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  return pids
}

async function endOf(pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  while (pids.some((pid) => existsSync(`/proc/${pid}/exe`))) await delay(10)
}

test(
  'each look and the restore itself say that memory still comes, and from which file',
  { timeout: 180_000 },
  async () => {
    await using domain = await saved()
    const { name, stateDir, image } = domain
    const over = new AbortController()
    const events: LifecycleEvent[] = []
    const watched = (async () => {
      for await (const event of watchEvents({ stateDir, signal: over.signal })) events.push(event)
    })()
    const restored = await restoreDomain(image, { stateDir, mode: 'lazy', resumeAs: 'paused' })
    assert.deepEqual(restored.imageNeeded, { path: image, until: 'memory-loaded', kept: undefined })
    const pids = await halt(domain)
    const says = async (...args: readonly string[]): Promise<string> =>
      (await stasis(stateDir, ...args)).stdout
    assert.match(await says('list'), new RegExp(`${name} +paused \\(filling( \\d+ %)?\\)\\n`))
    assert.equal(await says('domstate', name), 'paused\n')
    assert.match(
      await says('domstate', name, '--reason'),
      new RegExp(`^paused \\(user\\)\nMemory: .*comes from ${image}: keep that file`),
    )
    assert.match(await says('dominfo', name), /Missing memory: .*keep that file/)
    for (const verb of [
      ['--json', 'list'],
      ['--json', 'domstate', name],
      ['--json', 'dominfo', name],
    ]) {
      const answer = JSON.parse(await says(...verb)) as unknown
      const [one] = (Array.isArray(answer) ? answer : [answer]) as [
        { postcopy: { image: string; state: string } },
      ]
      assert.deepEqual([one.postcopy.image, one.postcopy.state], [image, 'filling'])
    }
    const memory = () => events.filter(({ event }) => event === 'Memory')
    while (memory().length === 0) await delay(50)
    for (const pid of pids) process.kill(pid, 'SIGCONT')
    await waitForAllMemory(name, pathsOf(domain), undefined)
    assert.equal((await listDomains({ stateDir }))[0]?.postcopy, undefined)
    assert.match(await says('list'), new RegExp(`${name} +paused\\n`))
    while (memory().length < 2) await delay(50)
    over.abort()
    await watched
    assert.deepEqual(
      memory().map(({ detail, postcopy }) => [detail, postcopy?.image]),
      [
        ['Filling', image],
        ['Loaded', undefined],
      ],
    )
  },
)

test(
  'an image that is deleted while its memory is loaded lasts as long as one page server or supervisor',
  { timeout: 180_000 },
  async () => {
    await using domain = await saved()
    const { name, stateDir, image } = domain
    const copy = `${image}.copy`
    await copyFile(image, copy)
    for (const killed of ['server', 'supervisor'] as const) {
      await copyFile(copy, image)
      await restoreDomain(image, { stateDir, mode: 'lazy' })
      const found = await findPageServer(pathsOf(domain))
      await rm(image)
      process.kill(found[killed], 'SIGKILL')
      await assertSum(domain)
      await waitForAllMemory(name, pathsOf(domain), undefined)
      await saveDomain(name, copy, { stateDir })
    }
  },
)

test(
  'without image and page servers the memory is lost, and every look and command says so',
  { timeout: 180_000 },
  async () => {
    await using domain = await saved()
    const { name, stateDir, image } = domain
    await restoreDomain(image, { stateDir, mode: 'lazy', resumeAs: 'paused' })
    const pids = await halt(domain)
    await rename(image, `${image}.elsewhere`)
    assert.match((await stasis(stateDir, 'list')).stdout, / paused \(filling/)
    await endOf(pids)
    const says = async (...args: readonly string[]): Promise<string> =>
      (await stasis(stateDir, ...args)).stdout
    assert.match(await says('list'), new RegExp(`${name} +memory lost\\n`))
    assert.equal(await says('domstate', name), 'memory lost\n')
    assert.match(
      await says('domstate', name, '--reason'),
      /^memory lost \(image gone\)\nMemory: .* is gone: put it back/,
    )
    assert.match(await says('dominfo', name), /State: +memory lost\n[^]*Missing memory: .* is gone/)
    const [one] = JSON.parse(await says('--json', 'list')) as [
      { state: string; postcopy: { state: string } },
    ]
    assert.deepEqual([one.state, one.postcopy.state], ['memory lost', 'lost'])
    for (const args of [
      ['resume', name],
      ['save', name, `${image}.2`],
      ['managedsave', name],
    ]) {
      const { exitCode, stderr } = await stasis(stateDir, '--json', ...args)
      assert.equal(exitCode, 3, stderr)
      assert.match(stderr, /"code":"DOMAIN_MEMORY_LOST"/)
    }
    // Nothing is decided: the image may come back.
    await rename(`${image}.elsewhere`, image)
    assert.match(await says('list'), / paused \(memory not loading\)/)
    await recoverPostcopyDomain(name, { stateDir })
    await waitForAllMemory(name, pathsOf(domain), undefined)
    assert.equal((await stasis(stateDir, 'resume', name)).exitCode, 0)
    await assertSum(domain)
  },
)

test(
  '--keep gives the image a second name until its memory is loaded, and that name is enough',
  { timeout: 180_000 },
  async () => {
    await using domain = await saved()
    const { name, stateDir, image } = domain
    const others = async (): Promise<readonly string[]> =>
      (await readdir(dirname(image))).filter((file) => file.startsWith(`${basename(image)}.`))
    const restore = ['restore', image, '--mode', 'lazy', '--keep', '--paused']
    const { stdout } = await stasis(stateDir, ...restore)
    const pids = await halt(domain)
    const [kept = ''] = await others()
    assert.match(stdout, new RegExp(`${kept} keeps the file until then`))
    assert.equal((await stat(`${dirname(image)}/${kept}`)).ino, (await stat(image)).ino)
    await rm(image)
    await endOf(pids)
    assert.match((await stasis(stateDir, 'list')).stdout, / paused \(memory not loading\)/)
    assert.equal((await stasis(stateDir, 'postcopy-recover', name)).exitCode, 0)
    assert.equal((await stasis(stateDir, 'resume', name)).exitCode, 0)
    await assertSum(domain)
    await waitForAllMemory(name, pathsOf(domain), undefined)
    assert.deepEqual(await others(), [])
  },
)

test('the second name goes with the guest', { timeout: 180_000 }, async () => {
  await using domain = await saved()
  const { name, stateDir, image } = domain
  const restored = await restoreDomain(image, { stateDir, mode: 'lazy', keepImage: true })
  const pids = await halt(domain)
  const kept = restored.imageNeeded?.kept ?? ''
  assert.ok(existsSync(kept))
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  await stasis(stateDir, 'destroy', name)
  assert.equal(existsSync(kept), false)
  assert.ok(existsSync(image))
})
