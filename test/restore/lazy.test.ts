import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { postcopyState, waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import { readPostcopyRecord, readPostcopyProgress } from '../../src/domain/store/postcopy-record.ts'
import { queryRunState } from '../../src/domain/catalogue/run-state.ts'
import {
  checkSave,
  destroyDomain,
  domainInfo,
  recoverPostcopyDomain,
  restoreDomain,
  resumeDomain,
  saveDomain,
} from '../../src/index.ts'
import { orderPath } from '../../src/domain/store/saves/page-order-file.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { type LinuxDomain, startLinuxDomain } from '../support/linux-domain.ts'
import { findPageServer, pathsOf } from '../support/page-server.ts'
import { isLongRun, newestQemu, qemus, withQemu11 } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const MEMORY_MIB = 256
const FILLED_MIB = 64
/** Where the speed of the load does not matter. */
const LITTLE_MIB = 16

interface Saved extends LinuxDomain {
  readonly image: string
}

/** A Linux guest with a checksum to keep, saved. */
async function saved(
  emulator: string,
  {
    resumeAs,
    filledMib = FILLED_MIB,
  }: { readonly resumeAs?: 'paused'; readonly filledMib?: number } = {},
): Promise<Saved> {
  const domain = await startLinuxDomain({ emulator, memoryMib: MEMORY_MIB, vcpus: 2 })
  const { name, stateDir } = domain
  const image = domain.dir.join('image')
  {
    await using console = await domain.console()
    const [, sum] = await console.ask(`fill ${filledMib}`, /^FILLED (\w+)/)
    assert.equal(sum, computeFillSum(filledMib))
  }
  await saveDomain(name, image, { stateDir, resumeAs })
  return { ...domain, image }
}

async function assertSum(domain: LinuxDomain): Promise<void> {
  await using console = await domain.console()
  const [, sum] = await console.ask('sum', /^SUM (\w+)/)
  assert.equal(sum, computeFillSum(FILLED_MIB))
}

const skipShort = !isLongRun() && 'long run only'

for (const { label, emulator, missing, skipMost } of withQemu11(qemus())) {
  // Usually an old QEMU runs the tests in which QEMUs differ, and the newest also runs the others.
  const skipOld =
    !isLongRun() && newestQemu().every((newest) => newest.emulator !== emulator) && 'long run only'
  describe(`restore --mode lazy on QEMU ${label}`, { skip: missing }, () => {
    test(
      'the guest runs, writes and computes while its memory is loaded, several times in a row',
      { timeout: 180_000, skip: skipOld },
      async () => {
        await using domain = await saved(emulator)
        const { name, stateDir, image } = domain
        for (const compression of ['none', 'zstd'] as const) {
          const digest = await digestOf(image)
          const restored = await restoreDomain(image, { stateDir, mode: 'lazy' })
          assert.equal(restored.mode, 'lazy')
          assert.equal(restored.timing.allRamMs, undefined)
          {
            await using console = await domain.console()
            await console.ask(`write ${FILLED_MIB / 2}`, /^WRITING/)
            await assertStillFilling(domain)
            const [, sum] = await console.ask('sum', /^SUM (\w+)/)
            assert.equal(sum, computeFillSum(FILLED_MIB))
            await waitForAllMemory(name, pathsOf(domain), undefined)
            assert.match((await console.ask('quiet', /^QUIET .*/))[0], /ok$/)
          }
          assert.equal(await digestOf(image), digest)
          assert.ok(existsSync(orderPath({ stateDir }, image)), 'the order of requests is kept')
          assert.ok(!existsSync(`${image}.order`), 'nothing is left beside the image')
          assert.equal((await domainInfo(name, { stateDir })).postcopy, undefined)
          // Also shows that the capability is off again; otherwise a save would wait for an answer.
          await saveDomain(name, image, { stateDir, compression })
        }
      },
    )

    test(
      'the pages that an earlier guest requested are sent first, and are not requested again',
      { timeout: 120_000, skip: skipShort },
      async () => {
        await using domain = await saved(emulator)
        const { name, stateDir, image } = domain
        const requests: number[] = []
        for (let round = 0; round < 2; round += 1) {
          await restoreDomain(image, { stateDir, mode: 'lazy' })
          requests.push(await requestsUntilFilled(domain))
          await destroyDomain(name, { stateDir })
        }
        const [first = 0, second = 0] = requests
        assert.ok(first > 20, `the guest asked ${first} times`)
        assert.ok(second < first / 2, `the guest asked ${first} times, then ${second} times`)
      },
    )

    test('the smallest guest continues', { timeout: 60_000 }, async () => {
      await using domain = await startTinyDomain({ emulator })
      const { name, stateDir, log } = domain
      const image = domain.dir.join('image')
      await log.advance(3)
      await saveDomain(name, image, { stateDir })
      assert.equal((await restoreDomain(image, { stateDir, mode: 'lazy' })).mode, 'lazy')
      await log.advance(5)
      await waitForAllMemory(name, pathsOf(domain), undefined)
      await log.advance(3)
      await log.assertUnbroken()
    })

    test(
      'a paused guest stays paused, gets its memory, and can be resumed at the end or before',
      {
        timeout: 120_000,
        skip: skipShort,
      },
      async () => {
        await using domain = await saved(emulator, { resumeAs: 'paused' })
        const { name, stateDir, image } = domain
        for (const resume of ['filled', 'filling'] as const) {
          const restored = await restoreDomain(image, { stateDir, mode: 'lazy' })
          assert.equal(restored.state, 'paused')
          assert.equal(await queryRunState(pathsOf(domain)), 'paused')
          if (resume === 'filled') {
            await waitForAllMemory(name, pathsOf(domain), undefined)
            assert.equal(await queryRunState(pathsOf(domain)), 'paused')
          }
          await resumeDomain(name, { stateDir })
          await assertSum(domain)
          await waitForAllMemory(name, pathsOf(domain), undefined)
          await destroyDomain(name, { stateDir })
        }
      },
    )

    test(
      'a page server that is killed is replaced at once, and a save waits for the new one',
      {
        timeout: 120_000,
        skip: skipShort,
      },
      async () => {
        await using domain = await saved(emulator)
        const { name, stateDir, image } = domain
        await restoreDomain(image, { stateDir, mode: 'lazy' })
        for (let killed = 0; killed < 2; killed += 1) {
          const { server } = await findPageServer(pathsOf(domain))
          await assertStillFilling(domain)
          process.kill(server, 'SIGKILL')
          while ((await findPageServer(pathsOf(domain)).catch(() => undefined))?.server === server)
            await delay(5)
        }
        await assertStillFilling(domain)
        await saveDomain(name, image, { stateDir })
        await restoreDomain(image, { stateDir, mode: 'load' })
        await assertSum(domain)
      },
    )

    // Usually only on QEMU 11, which would abort.
    test(
      'a save waits for memory that is being loaded, and is refused if nothing loads it',
      { timeout: 120_000, skip: skipMost === false && skipShort },
      async () => {
        // A paused guest accesses nothing, so QEMU answers while no pages are sent.
        await using domain = await saved(emulator, { resumeAs: 'paused' })
        const { name, stateDir, image } = domain
        const { postcopy } = pathsOf(domain)
        const other = `${image}.2`
        await restoreDomain(image, { stateDir, mode: 'lazy' })
        const { server, supervisor } = await findPageServer(pathsOf(domain))
        const halted = [supervisor, server]
        let save: Promise<unknown>
        try {
          for (const pid of halted) process.kill(pid, 'SIGSTOP')
          await assertStillFilling(domain)
          assert.deepEqual((await checkSave(name, other, { stateDir })).obstacles, [])

          await rename(postcopy, `${postcopy}.aside`)
          const { obstacles } = await checkSave(name, other, { stateDir })
          assert.match(obstacles[0] ?? '', /a postcopy migration/)
          await assert.rejects(saveDomain(name, other, { stateDir, format: 'raw' }), {
            code: 'DOMAIN_WRONG_STATE',
            message: /it is in a postcopy migration/,
          })
          await rename(`${postcopy}.aside`, postcopy)

          save = saveDomain(name, other, { stateDir, resumeAs: 'running' })
          assert.equal(await Promise.race([save, delay(200, 'waits')]), 'waits')
        } finally {
          for (const pid of halted) process.kill(pid, 'SIGCONT')
        }
        await save
        await restoreDomain(other, { stateDir, mode: 'load' })
        await assertSum(domain)
      },
    )

    test(
      'postcopy-recover continues when page server and supervisor are gone',
      { timeout: 120_000, skip: skipMost },
      async () => {
        await using domain = await saved(emulator, { filledMib: LITTLE_MIB })
        const { name, stateDir, image } = domain
        await restoreDomain(image, { stateDir, mode: 'lazy' })
        const { server, supervisor } = await findPageServer(pathsOf(domain))
        for (const pid of [supervisor, server]) process.kill(pid, 'SIGKILL')
        await using console = await domain.console()
        console.send('sum')
        await delay(300)
        assert.equal((await postcopyState(pathsOf(domain)))?.state, 'stopped')
        await assert.rejects(saveDomain(name, `${image}.2`, { stateDir }), {
          code: 'DOMAIN_WRONG_STATE',
          hint: /postcopy-recover/,
        })
        await rename(image, `${image}.moved`)
        await assert.rejects(recoverPostcopyDomain(name, { stateDir }), { code: 'FILE_NOT_FOUND' })
        await recoverPostcopyDomain(name, { stateDir, image: `${image}.moved` })
        const [, sum] = await console.waitForLine(/^SUM (\w+)/)
        assert.equal(sum, computeFillSum(LITTLE_MIB))
        await waitForAllMemory(name, pathsOf(domain), undefined)
        await assert.rejects(recoverPostcopyDomain(name, { stateDir }), {
          code: 'DOMAIN_WRONG_STATE',
        })
      },
    )
  })
}

/** How often the guest requested a page. The supervisor, which removes the record at the end, is stopped meanwhile. */
async function requestsUntilFilled(domain: LinuxDomain): Promise<number> {
  const paths = pathsOf(domain)
  const { supervisor } = await findPageServer(paths)
  process.kill(supervisor, 'SIGSTOP')
  await assertSum(domain)
  for (;;) {
    const progress = await readPostcopyProgress(paths, (await readPostcopyRecord(paths))?.id ?? '')
    if (progress?.done === true) {
      process.kill(supervisor, 'SIGCONT')
      await waitForAllMemory(domain.name, paths, undefined)
      return progress.requests ?? 0
    }
    await delay(20)
  }
}

async function assertStillFilling(domain: LinuxDomain): Promise<void> {
  assert.equal((await postcopyState(pathsOf(domain)))?.state, 'filling')
}

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
