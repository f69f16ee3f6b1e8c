import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readDescription } from '../../src/image/open-image.ts'
import {
  attachDomain,
  defineDomain,
  destroyDomain,
  domainInfo,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { localUser } from '../../src/qemu/process/system-user.ts'
import { startByHand } from '../support/hand-started.ts'
import { newestQemu, qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'
import { smallXml } from '../support/test-store.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const command = join(import.meta.dirname, '../../bin/stasis')

async function environmentOf(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8')
  return text.split('\0').flatMap((line) => (line === '' ? [] : [line.split('=')[0] ?? '']))
}

/** What a process has open: paths, and the kinds of what has none. */
async function openFilesOf(pid: number): Promise<readonly string[]> {
  const fds = await readdir(`/proc/${pid}/fd`)
  const links = await Promise.all(
    fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => undefined)),
  )
  return links.filter((link) => link !== undefined)
}

async function assertConfined(pid: number, secret: string): Promise<void> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  assert.match(status, /^NoNewPrivs:\t1$/m)
  assert.match(status, /^Seccomp:\t2$/m)
  // A wrapper of the tests' QEMU 10 adds its own.
  const wrapper = ['LD_LIBRARY_PATH', 'QEMU_MODULE_DIR', 'PWD', 'OLDPWD', '_', 'SHLVL']
  const names = await environmentOf(pid)
  assert.deepEqual(names.filter((name) => !wrapper.includes(name)).toSorted(), ['LC_ALL', 'PATH'])
  const files = await openFilesOf(pid)
  assert.deepEqual(
    files.filter((file) => file === secret),
    [],
  )
}

for (const { emulator, label } of newestQemu()) {
  for (const act of ['start', 'restore'] as const) {
    test(`${act} confines QEMU ${label}: nothing of the caller, no new privileges, filtered system calls`, async () => {
      await using tiny = await startTinyDomain({ emulator, started: act === 'restore' })
      const { stateDir, dir } = tiny
      const image = dir.join('image')
      if (act === 'restore') await saveDomain('tiny', image, { stateDir })
      const secret = dir.join('secret')
      await writeFile(secret, 'hunter2')
      // As from a shell that has opened files: one that Node itself knows to close, and one beyond.
      const shell = 'exec 9<"$1" 60<"$1"; shift; exec "$@"'
      const args = act === 'start' ? ['start', 'tiny'] : ['restore', image]
      const env = { ...process.env, STASIS_STATE_DIR: stateDir, SECRET_TOKEN: 'hunter2' }
      const child = spawn('bash', ['-c', shell, 'bash', secret, command, ...args], {
        env,
        stdio: 'ignore',
      })
      const [code] = (await once(child, 'close')) as [number]
      assert.equal(code, 0)
      const { id } = await domainInfo('tiny', { stateDir })
      assert.ok(id !== undefined)
      await assertConfined(id, secret)
      await tiny.log.advance(2)
    })
  }
}

test('a lazy restore and a save work with filtered system calls', async () => {
  const emulator = qemus().at(-1)?.emulator ?? ''
  await using tiny = await startTinyDomain({ emulator })
  const { stateDir, dir, log } = tiny
  for (const mode of ['load', 'map', 'lazy'] as const) {
    const image = dir.join(`image-${mode}`)
    await log.advance(1)
    await saveDomain('tiny', image, { stateDir, compression: 'none', format: 'stasis' })
    const restored = await restoreDomain(image, { stateDir, mode, wait: 'memory' }).catch(
      async (error: Error) => {
        // Without userfaultfd, or a file that can be mapped, this mode is not there at all.
        assert.match(error.message, /map|lazy|userfaultfd/)
        return restoreDomain(image, { stateDir })
      },
    )
    assert.match(await readFile(`/proc/${restored.id}/status`, 'utf8'), /^Seccomp:\t2$/m)
  }
  await log.advance(2)
})

test('a QEMU that is only asked what it can do has a clean environment, too', async () => {
  await using dir = await tempDir()
  const emulator = dir.join('qemu')
  await writeFile(emulator, `#!/bin/sh\nenv > ${dir.join('environment')}\n`)
  await chmod(emulator, 0o755)
  process.env['SECRET_TOKEN'] = 'hunter2'
  try {
    const text = smallXml({ name: 'web', devices: `<emulator>${emulator}</emulator>` })
    await assert.rejects(defineDomain(text, { stateDir: dir.join('state') }), {
      code: 'QEMU_START_FAILED',
    })
  } finally {
    delete process.env['SECRET_TOKEN']
  }
  const environment = await readFile(dir.join('environment'), 'utf8')
  assert.match(environment, /^LC_ALL=C$/m)
  assert.doesNotMatch(environment, /SECRET_TOKEN|STASIS_|NODE_/)
})

test('a QEMU leaves no core dump unless the XML asks for one', async () => {
  const emulator = qemus()[0]?.emulator ?? ''
  await using tiny = await startTinyDomain({ emulator })
  const { stateDir, xml } = tiny
  const coreLimit = async (): Promise<readonly string[]> => {
    const { id } = await domainInfo('tiny', { stateDir })
    const limits = await readFile(`/proc/${id}/limits`, 'utf8')
    return (/^Max core file size +(.*)$/m.exec(limits)?.[1] ?? '').split(/ +/)
  }
  assert.equal((await coreLimit())[0], '0')
  await destroyDomain('tiny', { stateDir })
  await defineDomain(xml.replace('<memory ', "<memory dumpCore='on' "), { stateDir })
  await startDomain('tiny', { stateDir })
  const [soft, hard] = await coreLimit()
  assert.equal(soft, hard)
})

test('the recorded command line of a QEMU that Stasis did not start runs with filtered system calls', async () => {
  const emulator = qemus().at(-1)?.emulator ?? ''
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const image = dir.join('image')
  await using hand = await startByHand(emulator, dir)
  await hand.log.advance(1)
  await attachDomain(hand.qmp, { stateDir, name: 'mine' })
  await saveDomain('mine', image, { stateDir })
  try {
    for (let round = 0; round < 2; round++) {
      const { id } = await restoreDomain(image, { stateDir })
      const status = await readFile(`/proc/${id}/status`, 'utf8')
      assert.match(status, /^NoNewPrivs:\t1$/m)
      assert.match(status, /^Seccomp:\t2$/m)
      await hand.log.advance(1)
      await saveDomain('mine', image, { stateDir })
      // The command line in the image stays what it was.
      const { cookie = '' } = await readDescription(image)
      assert.doesNotMatch(cookie, /-sandbox/)
    }
  } finally {
    await destroyDomain('mine', { stateDir }).catch(() => undefined)
  }
})

test(
  'a restore of an image from elsewhere warns where QEMU runs as root',
  { skip: process.geteuid?.() !== 0 && 'only root runs QEMU as root' },
  async (t) => {
    if ((await localUser('stasis-qemu')) !== undefined) return t.skip('QEMU runs as stasis-qemu')
    await using tiny = await startTinyDomain()
    const { stateDir, dir } = tiny
    const image = dir.join('image')
    await saveDomain('tiny', image, { stateDir })
    const warnings: string[] = []
    const onWarning = (text: string): void => void warnings.push(text)
    await restoreDomain(image, { stateDir, onWarning })
    assert.equal(warnings.length, 0, 'an image of this host needs no warning')
    await destroyDomain('tiny', { stateDir })
    const elsewhere = dir.join('elsewhere')
    const options = { stateDir: elsewhere, allow: ['everything'], force: true } as const
    await restoreDomain(image, { ...options, onWarning })
    await destroyDomain('tiny', { stateDir: elsewhere })
    assert.deepEqual(
      warnings.filter((text) => text.includes('doctor --fix')),
      [
        'the image is from elsewhere, and its QEMU runs as root: `stasis doctor --fix` makes the user stasis-qemu for it',
      ],
    )
  },
)
