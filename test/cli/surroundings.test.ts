import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  domainInfo,
  jobInfo,
  restoreDomain,
  resumeDomain,
  saveDomain,
  suspendDomain,
} from '../../src/index.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { buildStasisImage } from '../support/stasis-image.ts'
import { startStasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const command = join(import.meta.dirname, '../../bin/stasis')

/** Runs a shell script in which `$S` is the command and `$T` a directory. */
function shell({ dir, stateDir }: TinyDomain, script: string) {
  const env = { ...process.env, STASIS_STATE_DIR: stateDir, S: command, T: dir.path }
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

const FORMATS = ['stasis', 'raw', 'channels', 'zstd'] as const

/** So slow that a test can interrupt it. */
const SLOWLY = ['--max-bandwidth', '1M'] as const

const INTERRUPTS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGQUIT', 131],
] as const

/** Usually each of both lists at least once, in pairs; in the long run each with each. */
function inPairs<One, Other>(
  ones: readonly One[],
  others: readonly Other[],
): readonly (readonly [One, Other])[] {
  const length = Math.max(ones.length, others.length)
  const isTaken = (place: number, otherPlace: number): boolean =>
    isLongRun() ||
    Array.from({ length }, (_, turn) => turn).some(
      (turn) => turn % ones.length === place && turn % others.length === otherPlace,
    )
  return ones.flatMap((one, place) =>
    others
      .filter((_, otherPlace) => isTaken(place, otherPlace))
      .map((other) => [one, other] as const),
  )
}

/** The files of a running domain: nothing of an operation is left. */
const RUNNING = ['live.xml', 'lock', 'process.json', 'q', 'qmp.sock', 'query.sock']

async function assertUntouched(tiny: TinyDomain, files: readonly string[]): Promise<void> {
  const { stateDir, runtimeDir, dir, log } = tiny
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
  assert.deepEqual((await readdir(join(runtimeDir, 'tiny'))).toSorted(), RUNNING)
  assert.deepEqual((await readdir(dir.path)).toSorted(), files)
  await log.advance(1)
}

async function transferring({ stateDir }: TinyDomain, child: ChildProcess): Promise<void> {
  for (;;) {
    const job = await jobInfo('tiny', { stateDir })
    if (job?.progress?.phase === 'transferring') return
    assert.equal(child.exitCode, null, 'it ended before it could be interrupted')
    await delay(20)
  }
}

for (const { label, emulator } of newestQemu()) {
  describe(`surroundings, on QEMU ${label}`, () => {
    test(
      'each signal cancels a save, a managed save and a host-save cleanly',
      { timeout: 300_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        await log.advance(1)
        const files = (await readdir(dir.path)).toSorted()
        const saves = [['save', 'tiny', dir.join('image')], ['host-save']]
        for (const [[signal, expected], argv] of inPairs(INTERRUPTS, saves)) {
          const { child, ended } = startStasis(stateDir, [...argv, ...SLOWLY])
          await transferring(tiny, child)
          child.kill(signal)
          const { exitCode, stderr } = await ended
          assert.equal(exitCode, expected, `${signal} ${argv[0]}: ${stderr}`)
          assert.doesNotMatch(stderr, /^ +at /m)
          await assertUntouched(tiny, files)
        }
        assert.deepEqual(await readdir(join(stateDir, 'save')), [])
        await log.assertUnbroken()
      },
    )

    test(
      'each signal cancels a restore and a conversion cleanly',
      { timeout: 300_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, runtimeDir, dir, log } = tiny
        await log.advance(1)
        const image = dir.join('image')
        await saveDomain('tiny', image, { stateDir })
        const files = (await readdir(dir.path)).toSorted()
        const commands = [
          ['restore', image],
          ['image-convert', image, dir.join('out'), '--format', 'xz'],
        ]
        for (const [[signal, expected], argv] of inPairs(INTERRUPTS, commands)) {
          // At any time, also before the command has its handlers: the signal then simply ends it.
          for (const afterMs of isLongRun() ? [60, 150, 300, 500] : [60, 300]) {
            const { child, ended } = startStasis(stateDir, argv)
            await delay(afterMs)
            child.kill(signal)
            const { exitCode, stderr } = await ended
            // A signal that comes when all is done ends the command, but not the guest.
            const mayRun = argv[0] === 'restore' && exitCode !== expected
            if (mayRun && (await domainInfo('tiny', { stateDir })).state === 'running')
              await saveDomain('tiny', image, { stateDir })
            assert.ok(
              [0, expected, -1].includes(exitCode),
              `${signal} ${argv[0]}: ${exitCode}: ${stderr}`,
            )
            const left = (await readdir(dir.path)).filter((name) => name !== 'out').toSorted()
            assert.deepEqual(left, files, `${signal} ${argv[0]} after ${afterMs} ms`)
          }
        }
        await restoreDomain(image, { stateDir })
        await log.advance(1)
        await log.assertUnbroken()
        assert.deepEqual(await readdir(runtimeDir), ['tiny'])
      },
    )

    test('a second interrupt ends a save at once, and no guest and no image is lost', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      const image = dir.join('image')
      await log.advance(1)
      const { child, ended } = startStasis(stateDir, ['save', 'tiny', image, ...SLOWLY])
      await transferring(tiny, child)
      child.kill('SIGINT')
      await delay(350)
      child.kill('SIGINT')
      assert.equal((await ended).exitCode, 130)
      const { state } = await domainInfo('tiny', { stateDir })
      if (state === 'paused') await startStasis(stateDir, ['resume', 'tiny']).ended
      await log.advance(1)
      await log.assertUnbroken()
    })

    test('a terminal that is closed during the progress line cancels a save cleanly', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      await log.advance(1)
      const files = (await readdir(dir.path)).toSorted()
      const line = `${command} save tiny ${dir.join('image')} ${SLOWLY.join(' ')}`
      const env = { ...process.env, STASIS_STATE_DIR: stateDir }
      // It holds the master of a terminal, on which the command runs.
      const terminal = spawn('script', ['-qec', line, '/dev/null'], {
        env,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      let seen = ''
      terminal.stdout.on('data', (data: Buffer) => (seen += data.toString()))
      await transferring(tiny, terminal)
      while (!seen.includes('%')) await delay(20)
      terminal.kill('SIGKILL')
      await once(terminal, 'close')
      for (;;) {
        const job = await jobInfo('tiny', { stateDir, completed: true })
        if (job?.outcome !== undefined) {
          assert.equal(job.outcome, 'cancelled')
          break
        }
        await delay(50)
      }
      // It ends once it has tidied up.
      while ((await readdir(join(tiny.runtimeDir, 'tiny'))).length > RUNNING.length) await delay(20)
      await assertUntouched(tiny, files)
      await log.assertUnbroken()
    })

    test(
      'output that nobody can take harms neither the guest nor the image',
      { timeout: 300_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, log } = tiny
        await log.advance(1)
        const back = async (): Promise<void> => {
          await restoreDomain(tiny.dir.join('image'), { stateDir })
          await log.advance(1)
        }
        const save = '"$S" save tiny "$T/image"'
        // The reader has gone: the save goes on.
        for (const script of [
          `${save} --json | true`,
          `${save} 2>&1 --verbose | true`,
          ...(isLongRun() ? [`${save} | true`] : []),
        ]) {
          const { stderr } = shell(tiny, script)
          assert.equal(stderr, '', script)
          assert.equal((await domainInfo('tiny', { stateDir })).state, 'shut off', script)
          await back()
        }
        // The result cannot be written: the save goes on, and the exit code says so.
        for (const script of [
          `${save} >/dev/full`,
          ...(isLongRun() ? [`${save} --json >/dev/full`] : []),
        ]) {
          const { status, stderr } = shell(tiny, script)
          assert.equal(status, 7, script)
          assert.match(stderr, /Could not write the result/)
          assert.equal((await domainInfo('tiny', { stateDir })).state, 'shut off', script)
          await back()
        }
        for (const script of [`${save} 2>/dev/full`, `${save} <&- >&- 2>&-`]) {
          assert.equal(shell(tiny, script).status, 0, script)
          await back()
        }
        assert.equal(shell(tiny, '"$S" domstate nobody 2>/dev/full').status, 3)
        await log.assertUnbroken()
      },
    )

    test('closed standard descriptors do not become files of Stasis or of QEMU', async () => {
      await using tiny = await startTinyDomain({ emulator, started: false })
      const { stateDir } = tiny
      assert.equal(shell(tiny, '"$S" start tiny <&- >&- 2>&-').status, 0)
      const { id } = await domainInfo('tiny', { stateDir })
      const name = (fd: number): string =>
        spawnSync('readlink', [`/proc/${id}/fd/${fd}`], { encoding: 'utf8' }).stdout.trim()
      assert.equal(name(0), '/dev/null')
      assert.match(name(1), /\/log\/tiny\.log$/)
      assert.match(name(2), /\/log\/tiny\.log$/)
    })

    test('event --loop ends once nobody reads it', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir } = tiny
      const { ended, child } = startStasis(stateDir, ['event', '--loop', '--timeout', '120'])
      child.stdout?.once('data', () => child.stdout?.destroy())
      const startedMs = performance.now()
      const hasEnded = async (): Promise<boolean> =>
        (await Promise.race([ended, delay(500, undefined)])) !== undefined
      // The command looks for changes once it has loaded.
      while (!(await hasEnded())) {
        await suspendDomain('tiny', { stateDir })
        if (!(await hasEnded())) await resumeDomain('tiny', { stateDir })
      }
      const { exitCode, stderr } = await ended
      assert.equal(exitCode, 0)
      assert.equal(stderr, '')
      assert.ok(performance.now() - startedMs < 100_000, 'before its time is over')
    })

    test(
      'limits on the size and the number of files are errors, and nothing is lost',
      { timeout: 300_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { dir, log } = tiny
        await log.advance(1)
        const files = (await readdir(dir.path)).toSorted()
        for (const format of isLongRun() ? FORMATS : (['stasis', 'zstd'] as const)) {
          const { status, stderr } = shell(
            tiny,
            `ulimit -f 500; "$S" save tiny "$T/image" --format ${format}`,
          )
          // A small image may fit.
          assert.equal(status, 7, `${format}: ${stderr}`)
          assert.match(stderr, /would be too large[^]*ulimit -f/)
          await assertUntouched(tiny, files)
        }
        for (const limit of isLongRun() ? [24, 28, 32, 36, 40] : [24, 32, 40]) {
          const { status, stderr } = shell(tiny, `ulimit -n ${limit}; "$S" save tiny "$T/image"`)
          if (status === 0) {
            assert.equal(shell(tiny, '"$S" restore "$T/image"').status, 0)
            await log.advance(1)
            shell(tiny, 'rm "$T/image"')
            continue
          }
          assert.ok(
            [6, 7].includes(status ?? -1),
            `${limit} descriptors: exit code ${status}: ${stderr}`,
          )
          await assertUntouched(tiny, files)
        }
        await log.assertUnbroken()
      },
    )

    test('an image of the default format goes to a regular file only, none to a character device or a directory, and the guest is not stopped for it', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { dir, log } = tiny
      await log.advance(1)
      shell(tiny, 'mkfifo "$T/pipe"; mkdir "$T/directory"')
      const files = (await readdir(dir.path)).toSorted()
      // Formats that a pipe takes: test/save/special-targets.test.ts.
      for (const [target, format] of [
        ['"$T/pipe"', 'stasis'],
        ['/dev/stdout', 'stasis'],
        ['-', 'channels'],
        ['"$T/directory"', 'raw'],
        ['"$T/directory/"', 'raw'],
        ['/dev/null', 'raw'],
      ]) {
        const script = `"$S" save tiny ${target} --format ${format} | cat`
        const { stderr } = shell(tiny, `${script}; exit "\${PIPESTATUS[0]}"`)
        assert.match(stderr, /hint: .*ave to a regular file/, target)
        await assertUntouched(tiny, files)
      }
    })

    test(
      'a disk that is full or read-only is an error, no half-made file is left, and the guest runs on',
      { timeout: 300_000, skip: process.getuid?.() !== 0 && 'only root mounts file systems' },
      async (t) => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        await log.advance(1)
        const mounted = shell(
          tiny,
          'mkdir "$T/full" "$T/ro" && mount -t tmpfs -o size=1M stasis "$T/full" && mount -t tmpfs -o ro,size=1M stasis "$T/ro"',
        )
        if (mounted.status !== 0) return t.skip(`tmpfs cannot be mounted: ${mounted.stderr}`)
        try {
          const files = (await readdir(dir.path)).toSorted()
          await writeFile(dir.join('full/image'), buildStasisImage().bytes)
          const disks = [
            ['full', /no space left\n/],
            ['ro', /is read-only[^]*hint: Use another file system/],
          ] as const
          for (const [format, [directory, message]] of inPairs(FORMATS, disks)) {
            const { status, stderr } = shell(
              tiny,
              `"$S" save tiny "$T/${directory}/image" --format ${format}`,
            )
            assert.equal(status, 7, `${directory} ${format}: ${stderr}`)
            assert.match(stderr, message)
            await assertUntouched(tiny, files)
            const left = await readdir(dir.join(directory))
            assert.deepEqual(left, directory === 'full' ? ['image'] : [], format)
          }
          const older = await readFile(dir.join('full/image'))
          assert.deepEqual(older, Buffer.from(buildStasisImage().bytes))
          // A conversion and a restore from there.
          await saveDomain('tiny', dir.join('image'), { stateDir })
          for (const directory of ['full', 'ro']) {
            const script = `"$S" image-convert "$T/image" "$T/${directory}/image" --format raw`
            assert.equal(shell(tiny, script).status, 7, directory)
          }
          shell(
            tiny,
            'mount -o remount,rw,size=64M "$T/ro" && cp "$T/image" "$T/ro" && mount -o remount,ro "$T/ro"',
          )
          const { status, stderr } = shell(tiny, '"$S" restore "$T/ro/image"')
          assert.equal(status, 0, stderr)
          await log.advance(1)
          await log.assertUnbroken()
        } finally {
          shell(tiny, 'umount -l "$T/full" "$T/ro"')
        }
      },
    )

    test('a pipe or a device is not an image, and no command waits for one', async () => {
      await using tiny = await startTinyDomain({ emulator, started: false })
      shell(tiny, 'mkfifo "$T/pipe"; mkdir "$T/directory"')
      const sources = ['"$T/pipe"', '"$T/directory"', '/dev/zero', '/dev/null']
      const verbs = ['restore', 'image-info', 'image-check', 'save-image-dumpxml']
      for (const [source, verb] of inPairs(sources, verbs)) {
        const { status, stderr } = shell(tiny, `timeout 20 "$S" ${verb} ${source}`)
        assert.equal(status, 5, `${verb} ${source}: ${stderr}`)
      }
      assert.equal(shell(tiny, '"$S" define /dev/zero').status, 2)
      // A domain XML can come through a pipe; a wait for it can be interrupted.
      assert.equal(shell(tiny, '"$S" dumpxml tiny | "$S" define /dev/stdin').status, 0)
      assert.equal(shell(tiny, '"$S" define <("$S" dumpxml tiny)').status, 0)
      const { status } = shell(tiny, 'timeout --preserve-status 1.5 "$S" define "$T/pipe"')
      assert.equal(status, 143)
    })

    test('neither HOME nor TMPDIR is needed', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { log } = tiny
      for (const start of ['env -u HOME', 'env TMPDIR=/nowhere', 'env TMPDIR=/proc']) {
        await log.advance(1)
        for (const rest of [
          'save tiny "$T/image"',
          ...(isLongRun() ? ['restore "$T/image" --check'] : []),
          'restore "$T/image"',
        ]) {
          const { status, stderr } = shell(tiny, `${start} "$S" ${rest}`)
          assert.equal(status, 0, `${start} ${rest}: ${stderr}`)
        }
      }
      await log.assertUnbroken()
    })
  })
}

test('a console whose output nobody reads ends quietly', async () => {
  await using tiny = await startTinyDomain()
  await tiny.log.advance(1)
  const { stderr } = shell(
    tiny,
    'timeout 20 "$S" console tiny | head -c 1 >/dev/null; echo ${PIPESTATUS[0]} >&2',
  )
  assert.match(stderr, /\n0\n$/)
  assert.doesNotMatch(stderr, /Error/)
})
