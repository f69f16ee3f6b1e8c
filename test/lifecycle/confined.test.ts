import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { defineDomain, domainInfo, restoreDomain, saveDomain } from '../../src/index.ts'
import { qemus } from '../support/qemus.ts'
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

for (const { emulator, label } of qemus()) {
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
