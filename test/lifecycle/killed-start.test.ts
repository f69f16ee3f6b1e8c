import assert from 'node:assert/strict'
import { readFile, stat, truncate } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, test } from 'node:test'
import {
  destroyDomain,
  domainInfo,
  managedSaveDomain,
  saveDomain,
  setAutostart,
  startDomain,
} from '../../src/index.ts'
import { waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import { faultEnvironment } from '../support/faults/fault-environment.ts'
import { readPlaces } from '../support/faults/places.ts'
import { withFault } from '../support/faults/with-fault.ts'
import { pathsOf } from '../support/page-server.ts'
import { isLongRun, oldestQemu, qemus } from '../support/qemus.ts'
import { startStasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const START = ['start', 'tiny', '--mode', 'load']

/** Usually a command is killed before every second message, in the long run before each. */
const STEP = isLongRun() ? 1 : 2

/** Kills a command before its Nth message to QEMU; `false` when it has not sent so many. */
async function runAndDie(tiny: TinyDomain, argv: readonly string[], nth: number): Promise<boolean> {
  const { wasKilled, exitCode, stderr } = await withFault(
    tiny,
    `send:KILL:${nth}:qmp.sock`,
    ...argv,
  )
  if (!wasKilled) assert.equal(exitCode, 0, stderr)
  return wasKilled
}

/** How many messages a command sends to QEMU. */
async function messagesOf({ stateDir, dir }: TinyDomain, argv: readonly string[]): Promise<number> {
  const record = dir.join('places')
  const env = faultEnvironment({ record, within: dir.path })
  await startStasis(stateDir, argv, env).ended
  const sent = (await readPlaces(record)).filter(
    ({ call, path }) => call === 'send' && path.includes('qmp.sock'),
  )
  return sent.reduce((sum, { count }) => sum + count, 0)
}

const sizeOf = async (path: string): Promise<number> => (await stat(path)).size

for (const { label, emulator } of isLongRun() ? qemus() : oldestQemu()) {
  describe(`a start that is killed, on QEMU ${label}`, () => {
    test(
      'the managed save stays until its guest runs, even if QEMU is killed as well',
      { timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        const { image } = await managedSaveDomain('tiny', { stateDir })
        const all = await messagesOf(tiny, START)
        let kept = 0
        // From the load of the devices on; the last one announces the guest to its network. The number of queries in between varies.
        for (let round = 0, killed = true; killed; round += 1) {
          await log.advance(1)
          await managedSaveDomain('tiny', { stateDir })
          const before = await sizeOf(dir.join('serial'))
          killed = await runAndDie(tiny, START, all - 8 + STEP * round)
          const { id, state } = await domainInfo('tiny', { stateDir })
          // A command that acts makes record and reality agree.
          if (round % 2 === 0) await setAutostart('tiny', { stateDir, disable: true })
          if (id !== undefined && state === 'paused') {
            await stat(image.path)
            process.kill(id, 'SIGKILL')
          }
          await delay(100)
          await setAutostart('tiny', { stateDir, disable: true })
          if (state !== 'running') {
            assert.equal(await sizeOf(dir.join('serial')), before, 'the guest has not run')
            assert.equal((await domainInfo('tiny', { stateDir })).managedSave, true)
            await startDomain('tiny', { stateDir })
            kept += 1
          }
          await assert.rejects(stat(image.path), { code: 'ENOENT' })
          await log.advance(1)
          await log.assertUnbroken()
        }
        assert.ok(kept > 1, `${kept}`)
      },
    )

    for (const mode of ['load', 'lazy'])
      test(
        `a start (${mode}) whose QEMU is killed ends, and keeps the managed save unless its guest had run`,
        { timeout: 300_000 },
        async () => {
          await using tiny = await startTinyDomain({ emulator })
          const { stateDir, dir, log } = tiny
          const argv = ['start', 'tiny', '--mode', mode]
          await managedSaveDomain('tiny', { stateDir })
          const all = await messagesOf(tiny, argv)
          const exitCodes = new Set<number>()
          for (let nth = all - 4; nth <= all; nth += STEP) {
            await log.advance(1)
            await managedSaveDomain('tiny', { stateDir })
            const before = await sizeOf(dir.join('serial'))
            const fault = `send:QEMU:${nth}:qmp.sock`
            const { exitCode, stderr } = await withFault(tiny, fault, ...argv)
            exitCodes.add(exitCode)
            const info = await domainInfo('tiny', { stateDir })
            // The number of queries varies.
            if (info.state === 'running') continue
            const hasRun = (await sizeOf(dir.join('serial'))) > before
            assert.equal(info.managedSave, exitCode !== 0, `message ${nth}: ${stderr}`)
            await startDomain('tiny', { stateDir })
            await log.advance(1)
            if (exitCode !== 0 && !hasRun) await log.assertUnbroken()
            else await truncate(dir.join('serial'))
          }
          assert.ok(exitCodes.has(6) || exitCodes.has(5), String([...exitCodes]))
        },
      )

    test(
      'the memory of a guest arrives although its lazy restore was killed before a page server took over',
      { timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, dir, log } = tiny
        const image = dir.join('image')
        await log.advance(1)
        await saveDomain('tiny', image, { stateDir })
        const argv = ['restore', image, '--mode', 'lazy']
        const announcing = await messagesOf(tiny, argv)
        await log.advance(1)
        await saveDomain('tiny', image, { stateDir })
        // The number of queries varies.
        for (let nth = announcing; !(await runAndDie(tiny, argv, nth)); nth -= 1) {
          await log.advance(1)
          await saveDomain('tiny', image, { stateDir })
        }
        await log.advance(5)
        await log.assertUnbroken()
        await waitForAllMemory('tiny', pathsOf(tiny), undefined)
        assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
      },
    )

    test(
      'a guest that was destroyed while its memory arrived does not come back',
      { timeout: 120_000 },
      async () => {
        await using tiny = await startTinyDomain({ emulator })
        const { stateDir, log } = tiny
        await log.advance(1)
        const { image } = await managedSaveDomain('tiny', { stateDir })
        const started = await startDomain('tiny', { stateDir, mode: 'lazy' })
        assert.equal(started.restored?.mode, 'lazy')
        await destroyDomain('tiny', { stateDir })
        await assert.rejects(readFile(image.path), { code: 'ENOENT' })
      },
    )
  })
}
