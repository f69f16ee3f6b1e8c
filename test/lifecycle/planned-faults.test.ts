import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { domainInfo, restoreDomain, saveDomain } from '../../src/index.ts'
import { faultEnvironment } from '../support/faults/fault-environment.ts'
import { readPlaces } from '../support/faults/places.ts'
import { withFault } from '../support/faults/with-fault.ts'
import { oldestQemu } from '../support/qemus.ts'
import { startStasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

function saveWithFault(
  tiny: TinyDomain,
  fault: string,
  ...options: readonly string[]
): ReturnType<typeof withFault> {
  return withFault(tiny, fault, 'save', 'tiny', tiny.dir.join('image'), ...options)
}

function readDefinedXml(stateDir: string): Promise<string> {
  return readFile(join(stateDir, 'domains/tiny.xml'), 'utf8')
}

async function stateOf({ stateDir }: TinyDomain): Promise<string> {
  return (await domainInfo('tiny', { stateDir })).state
}

for (const { label, emulator } of oldestQemu()) {
  describe(`planned faults, on QEMU ${label}`, () => {
    test('a save whose monitor breaks leaves the guest running', { timeout: 120_000 }, async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { dir, log } = tiny
      await log.advance(1)
      let stopped = 0
      for (const call of ['send:EPIPE', 'receive:ECONNRESET', 'receive:ZERO']) {
        // From the connection on until QEMU migrates.
        for (const nth of [8, 14, 18, 22]) {
          const fault = `${call}:${nth}:qmp.sock`
          const { exitCode, stderr, hasFailed } = await saveWithFault(tiny, fault)
          assert.ok(hasFailed, fault)
          if (exitCode === 0) {
            await restoreDomain(dir.join('image'), { stateDir: tiny.stateDir })
            continue
          }
          assert.equal(exitCode, 6, stderr)
          assert.equal(await stateOf(tiny), 'running', `${fault}: ${stderr}`)
          if (stderr.includes('it is still running')) stopped += 1
        }
      }
      assert.ok(stopped > 3, 'the guest was stopped and resumed again')
      await log.advance(1)
      await log.assertUnbroken()
    })

    test(
      'a restore whose monitor breaks does not end a guest that runs',
      { timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        const image = dir.join('image')
        await log.advance(1)
        await saveDomain('tiny', image, { stateDir })
        const record = dir.join('places')
        const argv = ['restore', image, '--mode', 'load']
        await startStasis(stateDir, argv, faultEnvironment({ record, within: dir.path })).ended
        const received = (await readPlaces(record)).filter(({ call }) => call === 'receive')
        const last = Math.max(...received.map(({ count }) => count))
        await log.advance(1)
        for (let nth = last - 4; nth <= last; nth += 1) {
          await saveDomain('tiny', image, { stateDir })
          const before = await readFile(dir.join('serial'), 'utf8')
          const { exitCode, stderr } = await withFault(
            tiny,
            `receive:ECONNRESET:${nth}:qmp.sock`,
            ...argv,
          )
          if (exitCode === 0) assert.equal(await stateOf(tiny), 'running')
          else {
            assert.equal(exitCode, 6, stderr)
            assert.equal(
              await readFile(dir.join('serial'), 'utf8'),
              before,
              'the guest has not run',
            )
            await restoreDomain(image, { stateDir, mode: 'load' })
          }
          await log.advance(1)
          await log.assertUnbroken()
        }
      },
    )

    test('a `define` that fails changes neither definition nor managed save', async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log, xml } = tiny
      await log.advance(1)
      assert.equal((await startStasis(stateDir, ['managedsave', 'tiny']).ended).exitCode, 0)
      const before = await readDefinedXml(stateDir)
      await writeFile(
        dir.join('other.xml'),
        xml.replace('</name>', '</name><description>other</description>'),
      )
      const define = ['define', dir.join('other.xml'), '--remove-managed-save'] as const
      for (const fault of ['open:EMFILE:1:/networks.json', 'fsync:EIO:1:/domains/']) {
        const { exitCode, stderr, hasFailed } = await withFault(tiny, fault, ...define)
        assert.ok(hasFailed, fault)
        assert.equal(exitCode, 7, stderr)
        assert.equal(await readDefinedXml(stateDir), before)
      }
      assert.equal((await startStasis(stateDir, ['start', 'tiny']).ended).exitCode, 0)
      await log.advance(1)
      await log.assertUnbroken()
    })

    test('a start that fails behind the start of its QEMU ends', { timeout: 120_000 }, async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      const image = dir.join('image')
      await log.advance(1)
      await saveDomain('tiny', image, { stateDir })
      for (const fault of ['stat:EIO:1:/exe', 'close:EIO:1:/log/tiny.log']) {
        const { exitCode, stderr, hasFailed } = await withFault(tiny, fault, 'restore', image)
        assert.ok(hasFailed, fault)
        if (exitCode === 0) {
          await saveDomain('tiny', image, { stateDir })
          continue
        }
        assert.equal(exitCode, 7, `${fault}: ${stderr}`)
        assert.equal(await stateOf(tiny), 'shut off')
        assert.deepEqual(await readdir(`${stateDir}/run`), [])
        const found = spawnSync('pgrep', ['-f', `guest=tiny.*${dir.path}`])
        assert.equal(found.status, 1, 'no QEMU is left')
      }
      await restoreDomain(image, { stateDir })
      await log.advance(1)
      await log.assertUnbroken()
    })

    test(
      'a save succeeds although files cannot be closed or cleared afterwards',
      { timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        const image = dir.join('image')
        await log.advance(1)
        for (const fault of [
          'close:EIO:1:/lock',
          'unlink:EACCES:1:/run/tiny/live.xml',
          'unlink:EACCES:1:/run/tiny/process.json',
        ]) {
          const { exitCode, stderr, hasFailed } = await saveWithFault(tiny, fault)
          assert.ok(hasFailed, fault)
          assert.equal(exitCode, 0, `${fault}: ${stderr}`)
          await restoreDomain(image, { stateDir, mode: 'load' })
          await log.advance(1)
        }
        await log.assertUnbroken()
      },
    )

    test(
      'a host without threads or with a broken one is an error of the host',
      { timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { dir, log } = tiny
        await log.advance(1)
        for (const fault of [
          'thread:EAGAIN:1:receive-thread',
          'setsockopt:ENOMEM:1:socket',
          'readdir:EMFILE:1:/proc/self/fd',
        ]) {
          const { exitCode, stderr, hasFailed } = await saveWithFault(tiny, fault)
          assert.ok(hasFailed, fault)
          assert.ok(exitCode === 7 || exitCode === 0, `${fault}: ${exitCode} ${stderr}`)
          if (exitCode === 0)
            await restoreDomain(dir.join('image'), { stateDir: tiny.stateDir, mode: 'load' })
          assert.equal(await stateOf(tiny), 'running')
        }
        await log.advance(1)
        await log.assertUnbroken()
      },
    )

    test('short counts and interrupted calls are survived', { timeout: 120_000 }, async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      const image = dir.join('image')
      await log.advance(1)
      for (const fault of [
        'write:SHORT:1:.image',
        'recv:SHORT:2:socket',
        'recv:EINTR:1:socket',
        'recv:EAGAIN:1:socket',
        'poll:EINTR:1:poll',
        'accept4:EINTR:1:socket',
        'accept4:EAGAIN:1:socket',
        'receive:SHORT:5:qmp.sock',
        'flock:EINTR:1:.image',
        'fallocate64:EINTR:1:.image',
      ]) {
        const { exitCode, stderr, hasFailed } = await saveWithFault(
          tiny,
          fault,
          '--parallel-compression',
          'none',
        )
        assert.equal(exitCode, 0, `${fault}: ${stderr}`)
        if (!fault.startsWith('fallocate')) assert.ok(hasFailed, fault)
        await restoreDomain(image, { stateDir })
        await log.advance(1)
      }
      await saveDomain('tiny', image, { stateDir })
      const restore = ['restore', image, '--mode', 'load'] as const
      const read = await withFault(tiny, 'read:SHORT:3:/image', ...restore)
      assert.equal(read.exitCode, 0, read.stderr)
      await log.advance(1)
      await log.assertUnbroken()
      assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
    })
  })
}
