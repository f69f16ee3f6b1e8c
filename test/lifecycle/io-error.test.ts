import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { domainStateReason } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { newestQemu } from '../support/qemus.ts'
import {
  type CommandResult,
  type RunningCommand,
  startStasis,
  stasis,
} from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const NAME = 'writer'

/** A guest whose disk is on a file system of 1 MiB, so that QEMU stops it at an I/O error. It ends with its scope. */
interface FullGuest extends AsyncDisposable {
  readonly dir: TempDir
  readonly stateDir: string
  readonly run: (...args: readonly string[]) => Promise<CommandResult>
  /** Shows the first I/O error. */
  readonly events: RunningCommand
  /** What the guest has printed. */
  readonly output: () => Promise<string>
  /** Makes the file system so large. */
  readonly resize: (mib: number) => void
}

async function startFullGuest(emulator: string): Promise<FullGuest> {
  const dir = await tempDir()
  const [stateDir, small, log] = [dir.join('state'), dir.join('small'), dir.join('serial')]
  await mkdir(small)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', small])
  const run = (...args: readonly string[]): Promise<CommandResult> => stasis(stateDir, ...args)
  const guest: Omit<FullGuest, 'events'> = {
    dir,
    stateDir,
    run,
    output: async () => (await readFile(log, 'latin1')).replaceAll(/[^.ED]/g, ''),
    resize: (mib) => {
      execFileSync('mount', ['-o', `remount,size=${mib}m`, small])
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await run('destroy', NAME)
      execFileSync('umount', [small])
      await dir[Symbol.asyncDispose]()
    },
  }
  const diskPath = join(small, 'disk')
  const convert = ['convert', '-f', 'raw', '-O', 'qcow2', guestPaths().writerDisk, diskPath]
  execFileSync('qemu-img', convert)
  const serial = { type: 'file', path: log } as const
  const xml = domainXml({ name: NAME, guest: 'tiny', emulator, serial, diskPath, machine: 'pc' })
  await writeFile(dir.join('xml'), xml.replace("type='raw'", "type='qcow2'"))
  const succeeds = async (...args: readonly string[]): Promise<void> => {
    const { exitCode, stderr } = await run(...args)
    assert.equal(exitCode, 0, stderr)
  }
  await succeeds('define', dir.join('xml'))
  const events = startStasis(stateDir, ['event', '--event', 'io-error', '--timeout', '60'])
  // It has looked by then.
  await delay(2000)
  await succeeds('start', NAME)
  return { ...guest, events }
}

async function untilReason({ stateDir }: FullGuest, reason: string): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const found = await domainStateReason(NAME, { stateDir })
    if (found.reason === reason) return
    assert.ok(performance.now() < deadline, `${found.state} (${found.reason}), not ${reason}`)
    await delay(50)
  }
}

const skip = process.geteuid?.() !== 0 && 'only root can mount a small file system'

for (const { label, emulator } of newestQemu()) {
  test(
    `a guest that an I/O error has stopped can be resumed, saved and restored, on QEMU ${label}`,
    { skip, timeout: 180_000 },
    async () => {
      await using guest = await startFullGuest(emulator)
      const { run, dir } = guest
      await untilReason(guest, 'I/O error')
      const stopped = await guest.output()
      assert.match(stopped, /^\.*$/, 'the guest has seen no error')

      // The disk is still full: a resume says so, and the guest stays.
      const resume = await run('resume', NAME)
      assert.equal(resume.exitCode, 3)
      assert.match(resume.stderr, /stopped again at once[^]*hint: .*disk is full/)
      await untilReason(guest, 'I/O error')

      // The check and the act agree.
      const image = dir.join('image')
      const check = await run('save', NAME, image, '--check')
      const save = await run('save', NAME, image)
      assert.equal(check.exitCode === 0, save.exitCode === 0, `${check.stdout} ${save.stderr}`)
      assert.equal(save.exitCode, 0, save.stderr)
      assert.equal((await run('restore', image)).exitCode, 0)
      await delay(1000)
      const { state } = await domainStateReason(NAME, { stateDir: guest.stateDir })
      assert.equal(state, 'paused', 'the disk is still full')
      assert.equal(await guest.output(), stopped)

      const dry = await run('host-save', '--dry-run')
      assert.match(dry.stdout + dry.stderr, /writer: would be saved/)
      assert.equal((await run('host-save')).exitCode, 0)
      assert.equal((await run('start', NAME)).exitCode, 0)

      assert.match(
        (await guest.events.ended).stdout,
        /^event 'io-error' for domain 'writer': \S+\/disk \(virtio-disk0\) pause\nevents received: 1\n$/,
      )

      guest.resize(20)
      const again = await run('resume', NAME)
      assert.equal(again.exitCode, 0, again.stderr)
      const deadline = performance.now() + 30_000
      while (!(await guest.output()).includes('D')) {
        assert.ok(performance.now() < deadline, await guest.output())
        await delay(100)
      }
      assert.equal(await guest.output(), `${'.'.repeat(30)}D`, 'no write was lost, none failed')
      assert.deepEqual(await readdir(join(guest.stateDir, 'save')), [])
    },
  )
}
