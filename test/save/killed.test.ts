import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  domainInfo,
  restoreDomain,
  resumeDomain,
  suspendDomain,
  undefineDomain,
} from '../../src/index.ts'
import { identifyProcess } from '../../src/qemu/process/process-identity.ts'
import { isLongRun } from '../support/qemus.ts'
import { snapshotOf } from '../support/snapshot.ts'
import { startStasis, stasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

/** All files in the runtime directory of a running domain. */
const RUNNING = ['live.xml', 'lock', 'process.json', 'q', 'qmp.sock', 'query.sock']

/** A save that is killed when it reaches a phase. */
async function killedAt(phase: string, { stateDir, dir }: TinyDomain): Promise<string> {
  const image = dir.join('image')
  const script = join(import.meta.dirname, '../support/save-and-die.ts')
  const child = spawn(process.execPath, [script, stateDir, image, phase], { stdio: 'inherit' })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL')
  return image
}

const FEW = ['resume', 'domstate', 'start'] as const
const ALL = [...FEW, 'list', 'dominfo', 'managedsave'] as const
const LOOKS: readonly string[] = ['domstate', 'list', 'dominfo']
const isLook = (verb: string): boolean => LOOKS.includes(verb)

for (const verb of isLongRun() ? ALL : FEW) {
  test(`after a save that was killed once its image was complete, ${verb} knows where the guest is`, async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, runtimeDir, log } = tiny
    await log.advance(1)
    const { id } = await domainInfo('tiny', { stateDir })
    const image = await killedAt('ending', tiny)
    await access(image)
    assert.ok((await identifyProcess(id as number)) !== undefined, 'its QEMU stands there')
    const words = { domstate: ['tiny', '--reason'], list: ['--all'] } as const
    const args = verb === 'domstate' || verb === 'list' ? words[verb] : ['tiny']
    const before = await snapshotOf(stateDir)
    const { stdout, stderr, exitCode } = await stasis(stateDir, verb, ...args)
    if (isLook(verb)) {
      assert.ok((await identifyProcess(id as number)) !== undefined, 'its QEMU stands there still')
      assert.deepEqual(await snapshotOf(stateDir), before, 'nothing was written')
      await assert.rejects(resumeDomain('tiny', { stateDir }), { code: 'DOMAIN_NOT_RUNNING' })
    }
    if (verb === 'start') {
      assert.match(stderr, new RegExp(`warning: .*boots from its disks. It was saved to ${image}`))
      return
    }
    assert.equal(await identifyProcess(id as number), undefined, 'its QEMU is gone')
    assert.deepEqual(await readdir(runtimeDir), [])
    if (verb === 'list') assert.match(stdout, /shut off/)
    else if (verb === 'domstate') assert.equal(stdout, `shut off (saved)\nImage: ${image}\n`)
    else if (verb === 'dominfo') assert.match(stdout, new RegExp(`^Saved to: +${image}$`, 'm'))
    else {
      assert.equal(exitCode, 3)
      assert.match(stderr, new RegExp(`It was saved to ${image}: .stasis restore`))
    }
    await restoreDomain(image, { stateDir })
    await log.advance(2)
    await log.assertUnbroken()
  })
}

test('a transient domain is found in its image as well', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log } = tiny
  await log.advance(1)
  await undefineDomain('tiny', { stateDir })
  const image = await killedAt('ending', tiny)
  const { stderr } = await stasis(stateDir, 'resume', 'tiny')
  assert.match(stderr, new RegExp(`no domain 'tiny'[^]*It was saved to ${image}`))
})

test('a save that is killed before its image is complete leaves the guest, and no part of the image', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir, dir, log } = tiny
  for (const phase of ['stopping', 'transferring', 'flushing']) {
    await log.advance(1)
    const image = await killedAt(phase, tiny)
    const { stdout } = await stasis(stateDir, 'domstate', 'tiny', '--reason')
    const stands = phase !== 'stopping'
    assert.equal(stdout, stands ? 'paused (save interrupted)\n' : 'running (booted)\n', phase)
    await assert.rejects(access(image))
    await (stands ? resumeDomain : suspendDomain)('tiny', { stateDir })
    const left = await readdir(dir.path)
    assert.deepEqual(
      left.filter((name) => name.includes('image')),
      [],
      phase,
    )
    assert.deepEqual((await readdir(join(runtimeDir, 'tiny'))).toSorted(), RUNNING, phase)
    if (!stands) await resumeDomain('tiny', { stateDir })
  }
  await killedAt('stopping', tiny)
  await suspendDomain('tiny', { stateDir })
  const { stdout } = await stasis(stateDir, 'domstate', 'tiny', '--reason')
  assert.equal(stdout, 'paused (user)\n')
  await resumeDomain('tiny', { stateDir })
  await log.advance(1)
  await log.assertUnbroken()
})

test('a save that is killed while its image gets its name leaves one newest state', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  for (let round = 0; round < 4; round++) {
    const image = dir.join(`image${round}`)
    await log.advance(1)
    const { child, ended } = startStasis(stateDir, ['save', 'tiny', image])
    const watcher = watch(dir.path, () => {
      if (existsSync(image)) child.kill('SIGKILL')
    })
    await ended
    watcher.close()
    await delay(20)
    const info = await domainInfo('tiny', { stateDir })
    assert.equal(info.id, undefined, 'the image is the guest')
    await restoreDomain(image, { stateDir })
    await log.advance(1)
  }
  await log.assertUnbroken()
})
