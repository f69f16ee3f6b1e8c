import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, readdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { checkSave, domainInfo, jobInfo, restoreDomain, saveDomain } from '../../src/index.ts'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { inspectImage } from '../../src/domain/images/image-info.ts'
import { verifyImage } from '../../src/domain/images/verify-image.ts'
import { isLongRun, oldestQemu } from '../support/qemus.ts'
import { startStasis, stasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const STREAMS = ['raw', 'gzip', 'bzip2', 'xz', 'lzop', 'zstd'] as const
const OTHERS = ['stasis', 'channels', 'sparse'] as const

const MIB = 1024 * 1024

/** The files of a running domain: nothing of an operation is left. */
const RUNNING = ['live.xml', 'lock', 'process.json', 'q', 'qmp.sock', 'query.sock']

function makePipe(path: string): string {
  assert.equal(spawnSync('mkfifo', [path]).status, 0)
  return path
}

/** A process that copies a pipe into a file. */
function reader(
  pipe: string,
  copy: string,
): { readonly child: ChildProcess; ended(): Promise<void> } {
  const child = spawn('sh', ['-c', 'exec cat <"$0" >"$1"', pipe, copy], { stdio: 'ignore' })
  const over = once(child, 'exit')
  return { child, ended: async () => void (await over) }
}

/** A loop device over a new file. Its scope ends it. */
async function loopDevice(
  tiny: TinyDomain,
  bytes: number,
): Promise<{ readonly path: string; readonly file: string } & Disposable> {
  const file = tiny.dir.join(`disk-${bytes}`)
  await writeFile(file, '')
  await truncate(file, bytes)
  const { stdout, stderr } = spawnSync('losetup', ['--show', '-f', file], { encoding: 'utf8' })
  const path = stdout.trim()
  assert.match(path, /^\/dev\/loop\d+$/, stderr)
  return { path, file, [Symbol.dispose]: () => void spawnSync('losetup', ['-d', path]) }
}

/** Why there are no loop devices, if there are none. */
function noLoop(): string | false {
  if (process.getuid?.() !== 0) return 'only root makes loop devices'
  return spawnSync('losetup', ['-f']).status === 0 ? false : 'this host has no loop devices'
}

const skip = noLoop()

async function assertRuns({ stateDir, runtimeDir, log }: TinyDomain): Promise<void> {
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
  assert.deepEqual((await readdir(join(runtimeDir, 'tiny'))).toSorted(), RUNNING)
  await log.advance(1)
}

async function inPhase({ stateDir }: TinyDomain, child: ChildProcess, ...phases: string[]) {
  for (;;) {
    if (phases.includes((await jobInfo('tiny', { stateDir }))?.progress?.phase ?? '')) return
    assert.equal(child.exitCode, null, `it ended before the phase ${phases.join(', ')}`)
    await delay(20)
  }
}

/** A save so slow that a test can interrupt it. */
const SLOWLY = ['--format', 'raw', '--max-bandwidth', '1M'] as const

for (const { label, emulator } of oldestQemu()) {
  describe(`pipes and block devices, on QEMU ${label}`, () => {
    test(
      'a guest goes into a pipe in each stream format and comes back',
      { timeout: 240_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        const pipe = makePipe(dir.join('pipe'))
        const copy = dir.join('copy')
        // Usually without those that go to standard output and to a device in short.
        for (const format of isLongRun() ? STREAMS : (['gzip', 'bzip2', 'xz', 'lzop'] as const)) {
          await log.advance(1)
          const cat = reader(pipe, copy)
          const { image, warnings } = await saveDomain('tiny', pipe, { stateDir, format })
          await cat.ended()
          assert.deepEqual(warnings, [])
          assert.equal(image.fileBytes, (await stat(copy)).size, format)
          assert.ok((await stat(pipe)).isFIFO())
          assert.equal((await domainInfo('tiny', { stateDir })).lastEnd?.image, undefined)
          assert.equal((await inspectImage(copy, { verify: true })).verified, true)
          await restoreDomain(copy, { stateDir })
        }
        await log.advance(1)
        // The guest checks its own memory at each count.
        await log.assertUnbroken()
      },
    )

    test('an image in a pipe has the identity of the disks, and no history here', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir } = tiny
      const pipe = makePipe(dir.join('pipe'))
      const cat = reader(pipe, dir.join('copy'))
      await saveDomain('tiny', pipe, { stateDir, format: 'raw' })
      await cat.ended()
      const bytes = await readFile(dir.join('copy'))
      assert.equal(bytes.toString('latin1', 0, 16), 'LibvirtQemudSave')
      assert.match(bytes.toString('latin1'), /<stasis:disks /)
      assert.deepEqual(await readdir(join(stateDir, 'images')).catch(() => []), [])
    })

    test('standard output that is a pipe takes an image, and the report goes to standard error', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      await log.advance(1)
      const command = join(import.meta.dirname, '../../bin/stasis')
      const env = { ...process.env, STASIS_STATE_DIR: stateDir, S: command, T: dir.path }
      const shell = (script: string) => spawnSync('bash', ['-c', script], { env, encoding: 'utf8' })
      for (const target of ['-', '/dev/stdout']) {
        const { stderr } = shell(
          `"$S" --json save tiny ${target} --format zstd | cat >"$T/copy"; exit \${PIPESTATUS[0]}`,
        )
        assert.match(stderr, /"type":"result"/)
        await restoreDomain(dir.join('copy'), { stateDir })
        await log.advance(1)
      }
      // Nobody will ever read it.
      const { stderr } = shell('sleep 0.1 | true; "$S" save tiny - --format raw | true')
      assert.match(stderr, /the process that was reading it has stopped/)
      await assertRuns(tiny)
      await log.assertUnbroken()
    })

    test('a save waits for a reader before it stops the guest, and can be cancelled meanwhile', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      const pipe = makePipe(dir.join('pipe'))
      for (const [signal, code] of [
        ['SIGINT', 130],
        ['SIGTERM', 143],
      ] as const) {
        const { child, ended } = startStasis(stateDir, ['save', 'tiny', pipe, '--format', 'raw'])
        await inPhase(tiny, child, 'waiting-for-reader')
        await log.advance(2)
        child.kill(signal)
        const { exitCode, stderr } = await ended
        assert.equal(exitCode, code, stderr)
        assert.match(stderr, /Waiting for a process that reads/)
        await assertRuns(tiny)
      }
      // A conversion waits in the same way.
      const image = dir.join('image')
      await saveDomain('tiny', image, { stateDir })
      await assert.rejects(
        convertImage(image, pipe, { stateDir, format: 'raw', signal: AbortSignal.timeout(500) }),
        { name: 'CancelledError' },
      )
      await restoreDomain(image, { stateDir })
      await log.advance(1)
      await log.assertUnbroken()
    })

    test(
      'a reader that goes away fails the save, and the guest runs on',
      { timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        const pipe = makePipe(dir.join('pipe'))
        const scripts = ['head -c 100 <"$0"', 'sleep 1 <"$0"', 'head -c 100000 <"$0"']
        for (const format of ['raw', 'zstd']) {
          for (const script of isLongRun() || format === 'raw' ? scripts : scripts.slice(0, 1)) {
            spawn('sh', ['-c', `${script} >/dev/null`, pipe], { stdio: 'ignore' })
            const { exitCode, stderr } = await stasis(
              stateDir,
              'save',
              'tiny',
              pipe,
              '--format',
              format,
            )
            assert.equal(exitCode, 7, `${format}, ${script}: ${stderr}`)
            assert.match(stderr, /the process that was reading it has stopped/)
            assert.match(stderr, /still running/)
            await assertRuns(tiny)
          }
        }
        await log.assertUnbroken()
      },
    )

    test(
      'a reader that stops reading blocks the save, which can be cancelled; it gets no end',
      { timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        const pipe = makePipe(dir.join('pipe'))
        const copy = dir.join('copy')
        for (const format of ['raw', 'zstd']) {
          // It reads on when its standard input ends.
          const script = 'exec 3<"$0"; cat; exec cat <&3 >"$1"'
          const lazy = spawn('sh', ['-c', script, pipe, copy], {
            stdio: ['pipe', 'ignore', 'ignore'],
          })
          const over = once(lazy, 'exit')
          const { child, ended } = startStasis(stateDir, ['save', 'tiny', pipe, '--format', format])
          // Compressed, the guest may fit into the pipe; its end does not.
          await inPhase(tiny, child, 'transferring', 'flushing')
          await delay(500)
          child.kill('SIGINT')
          assert.equal((await ended).exitCode, 130)
          await assertRuns(tiny)
          lazy.stdin.end()
          await over
          await assert.rejects(restoreDomain(copy, { stateDir }), (error: { code: string }) =>
            ['IMAGE_TRUNCATED', 'DOMAIN_RUNNING', 'NOT_AN_IMAGE'].includes(error.code),
          )
          await assert.rejects(inspectImage(copy, { verify: true }), {
            code: 'IMAGE_TRUNCATED',
          })
        }
        await log.assertUnbroken()
      },
    )

    test(
      'a killed save into a pipe or a device leaves the guest, and no image',
      { timeout: 120_000 },
      async (t) => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        const pipe = makePipe(dir.join('pipe'))
        const copy = dir.join('copy')
        const cat = reader(pipe, copy)
        const targets = [pipe]
        using loop = skip === false ? await loopDevice(tiny, 64 * MIB) : undefined
        if (loop === undefined) t.diagnostic(`no device: ${skip}`)
        else targets.push(loop.path)
        for (const target of targets) {
          const { child, ended } = startStasis(stateDir, ['save', 'tiny', target, ...SLOWLY])
          await inPhase(tiny, child, 'transferring')
          child.kill('SIGKILL')
          await ended
          // Its watcher resumes the guest.
          await log.advance(2)
          await assertRuns(tiny)
        }
        await cat.ended()
        await assert.rejects(inspectImage(copy, { verify: true }), {
          code: 'IMAGE_TRUNCATED',
        })
        if (loop !== undefined)
          await assert.rejects(restoreDomain(loop.path, { stateDir }), { code: 'IMAGE_INCOMPLETE' })
        await log.assertUnbroken()
      },
    )

    test('formats that need a file refuse a pipe and a device before anything waits or stops', async (t) => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      const pipe = makePipe(dir.join('pipe'))
      using loop = skip === false ? await loopDevice(tiny, 64 * MIB) : undefined
      if (loop === undefined) t.diagnostic(`no device: ${skip}`)
      for (const path of [pipe, ...(loop === undefined ? [] : [loop.path])]) {
        for (const format of OTHERS)
          await assert.rejects(saveDomain('tiny', path, { stateDir, format }), {
            code: 'BAD_COMBINATION',
            hint: /^Use one of the formats raw, .*or save to a regular file$/,
          })
        await assert.rejects(saveDomain('tiny', path, { stateDir, format: 'raw', digest: true }), {
          code: 'BAD_COMBINATION',
        })
        const { obstacles } = await checkSave('tiny', path, { stateDir })
        assert.match(obstacles.join(), /an image in the format stasis cannot be written to it/)
        assert.deepEqual(
          (await checkSave('tiny', path, { stateDir, format: 'zstd' })).obstacles,
          [],
        )
      }
      await assert.rejects(saveDomain('tiny', '/dev/null', { stateDir, format: 'raw' }), {
        code: 'BAD_ARGUMENT',
      })
      await assert.rejects(restoreDomain(pipe, { stateDir }), {
        code: 'NOT_AN_IMAGE',
        hint: /cat /,
      })
      await log.advance(1)
      await log.assertUnbroken()
    })

    test(
      'a pipe that another user left in a shared directory gets no memory',
      { skip: process.getuid?.() !== 0 && 'only root makes files of others' },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        spawnSync('sh', [
          '-c',
          'mkdir -m 1777 "$0" && mkfifo "$0/pipe" && chown 65534 "$0/pipe"',
          dir.join('shared'),
        ])
        await assert.rejects(
          saveDomain('tiny', dir.join('shared/pipe'), { stateDir, format: 'raw' }),
          { code: 'NO_PERMISSION' },
        )
        await log.advance(3)
        await log.assertUnbroken()
      },
    )

    test(
      'a guest goes to a block device in each stream format and comes back, whatever was behind it',
      { skip, timeout: 240_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        using loop = await loopDevice(tiny, 64 * MIB)
        // The rest of the device is not part of the image.
        spawnSync('dd', ['if=/dev/urandom', `of=${loop.path}`, 'bs=1M', 'count=64'])
        // A device and a pipe take the same streams.
        for (const format of isLongRun() ? STREAMS : (['raw', 'zstd'] as const)) {
          await log.advance(1)
          const { image } = await saveDomain('tiny', loop.path, { stateDir, format })
          assert.ok(image.fileBytes > MIB / 2 && image.fileBytes < 32 * MIB)
          const info = await inspectImage(loop.path, { verify: true })
          assert.deepEqual(
            [info.complete, info.verified, info.fileBytes],
            [true, true, image.fileBytes],
          )
          await restoreDomain(loop.path, { stateDir })
        }
        await log.advance(1)
        // The device is remembered as the image of the domain, like a file.
        await saveDomain('tiny', loop.path, { stateDir, format: 'raw' })
        assert.equal((await domainInfo('tiny', { stateDir })).lastEnd?.image, loop.path)
        await assert.rejects(verifyImage(loop.path, { writeDigest: true }), {
          code: 'BAD_COMBINATION',
        })
        // A conversion onto a second device, and from it.
        using other = await loopDevice(tiny, 65 * MIB)
        await convertImage(loop.path, other.path, { stateDir, format: 'zstd' })
        await convertImage(other.path, dir.join('image'), { stateDir })
        await restoreDomain(dir.join('image'), { stateDir })
        await log.advance(1)
        await log.assertUnbroken()
      },
    )

    test(
      'a device that is full fails the save, the guest runs on, and what is there is no image',
      { skip, timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, log } = tiny
        using small = await loopDevice(tiny, 2 * MIB)
        for (const format of ['raw', 'zstd'] as const) {
          await log.advance(1)
          await assert.rejects(saveDomain('tiny', small.path, { stateDir, format }), {
            code: 'NO_SPACE',
          })
          await assertRuns(tiny)
          await assert.rejects(restoreDomain(small.path, { stateDir }), {
            code: 'IMAGE_INCOMPLETE',
          })
        }
        // Not even the description fits: refused before the guest stops, and nothing is written.
        using tiniest = await loopDevice(tiny, 64 * 1024)
        await assert.rejects(saveDomain('tiny', tiniest.path, { stateDir, format: 'raw' }), {
          code: 'NO_SPACE',
          message: /the header and the description/,
        })
        assert.ok((await readFile(tiniest.path)).every((byte) => byte === 0))
        await log.assertUnbroken()
      },
    )

    test(
      'a device that is mounted, or that a guest uses, is not overwritten',
      { skip, timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        using mounted = await loopDevice(tiny, 64 * MIB)
        assert.equal(spawnSync('mkfs.ext4', ['-q', mounted.path]).status, 0)
        const directory = dir.join('mounted')
        // Read-only, so that the kernel does not write to it either.
        const mount = 'mkdir "$1" && mount -o ro "$0" "$1"'
        assert.equal(spawnSync('sh', ['-c', mount, mounted.path, directory]).status, 0)
        try {
          const before = await firstBytes(mounted.path)
          await assert.rejects(saveDomain('tiny', mounted.path, { stateDir, format: 'raw' }), {
            code: 'BAD_ARGUMENT',
            message: /it is mounted/,
          })
          const { obstacles } = await checkSave('tiny', mounted.path, { stateDir, format: 'raw' })
          assert.match(obstacles.join(), /it is mounted/)
          assert.ok(before.equals(await firstBytes(mounted.path)))
        } finally {
          spawnSync('umount', [directory])
        }
        // A file that a guest uses, behind a device.
        const { stdout } = spawnSync('losetup', ['--show', '-f', dir.join('serial')], {
          encoding: 'utf8',
        })
        const loop = stdout.trim()
        try {
          await assert.rejects(saveDomain('tiny', loop, { stateDir, format: 'raw' }), {
            code: 'BAD_ARGUMENT',
            message: /tiny/,
          })
        } finally {
          spawnSync('losetup', ['-d', loop])
        }
        await log.advance(1)
        await log.assertUnbroken()
      },
    )
  })
}

async function firstBytes(path: string): Promise<Buffer> {
  await using handle = await open(path)
  const bytes = Buffer.alloc(MIB)
  await handle.read(bytes, 0, MIB, 0)
  return bytes
}
