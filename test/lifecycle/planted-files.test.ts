import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { restoreDomain, saveDomain } from '../../src/index.ts'
import { faultEnvironment } from '../support/faults/fault-environment.ts'
import { stasis, stasisWith } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

function makePipe(path: string): void {
  assert.equal(spawnSync('mkfifo', [path]).status, 0)
}

test(
  'pipes and links beside the path of an image stop no command',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir, log } = tiny
    const image = dir.join('x.sav')
    await log.advance(1)
    await writeFile(dir.join('precious'), 'precious')
    makePipe(dir.join('.x.sav.1-1.partial'))
    makePipe(dir.join('.x.sav.4999999-1.partial'))
    makePipe(dir.join(`.x.sav.1.${'a'.repeat(32)}.partial`))
    makePipe(dir.join('x.sav.order'))
    await symlink('precious', dir.join('.x.sav.4999999-2.partial'))
    const planted = await readdir(dir.path)
    for (const args of [
      ['--format', 'stasis'],
      ['--format', 'channels'],
    ]) {
      const saved = await stasis(stateDir, 'save', 'tiny', image, ...args)
      assert.equal(saved.exitCode, 0, saved.stderr)
      assert.equal((await stasis(stateDir, 'domstate', 'tiny')).stdout, 'shut off\n')
      await restoreDomain(image, { stateDir })
      await log.advance(1)
    }
    const left = await readdir(dir.path)
    for (const name of planted) assert.ok(left.includes(name), name)
    await log.assertUnbroken()
  },
)

test(
  'a pipe in the place of an image or of its channel is an error',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir, log } = tiny
    const image = dir.join('x.sav')
    await log.advance(1)
    await saveDomain('tiny', image, { stateDir, format: 'channels', channels: 1 })
    await rm(`${image}.1`)
    makePipe(`${image}.1`)
    makePipe(dir.join('pipe'))
    for (const args of [
      ['image-info', dir.join('pipe')],
      ['image-check', image],
      ['restore', image],
      ['image-convert', image, dir.join('other')],
    ]) {
      const { exitCode, stderr } = await stasis(stateDir, ...args)
      assert.ok(exitCode === 5 || exitCode === 7, `${args.join(' ')}: ${exitCode} ${stderr}`)
      assert.match(stderr, /not a regular file|it is a pipe/)
    }
  },
)

test(
  'a file system without locks is an error that leaves no file',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir, log } = tiny
    const image = dir.join('x.sav')
    await log.advance(1)
    const fails = async (path: string, ...args: readonly string[]): Promise<void> => {
      const before = await readdir(dir.path)
      const env = faultEnvironment({ fault: `flock:ENOLCK:1:${dir.join(path)}` })
      const { exitCode, stderr } = await stasisWith({ stateDir, env }, ...args)
      assert.equal(exitCode, 7, stderr)
      assert.match(stderr, /has no locks[^]*hint: /)
      assert.deepEqual(await readdir(dir.path), before)
    }
    await fails('.x.sav.', 'save', 'tiny', image)
    await fails('.x.sav.', 'save', 'tiny', image, '--format', 'channels')
    await log.advance(1)
    await saveDomain('tiny', image, { stateDir })
    await fails('.other.', 'image-convert', image, dir.join('other'))
    await writeFile(dir.join('x.xml'), (await stasis(stateDir, 'save-image-dumpxml', image)).stdout)
    await fails('x.sav', 'save-image-define', image, dir.join('x.xml'), '--paused')
    await restoreDomain(image, { stateDir })
    await log.advance(1)
    await log.assertUnbroken()
  },
)
