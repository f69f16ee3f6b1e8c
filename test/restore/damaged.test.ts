import assert from 'node:assert/strict'
import { copyFile, readFile, readdir, truncate, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { readPostcopyRecord, readPostcopyProgress } from '../../src/domain/store/postcopy-record.ts'
import { postcopyState, waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import {
  destroyDomain,
  domainInfo,
  listDomains,
  recoverPostcopyDomain,
  restoreDomain,
  resumeDomain,
  saveDomain,
} from '../../src/index.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { damage, findFilledFrame, findParts } from '../support/image-damage.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { findPageServer, pathsOf } from '../support/page-server.ts'
import { newestQemu } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const FILLED_MIB = 24

for (const { label, emulator, major } of newestQemu()) {
  describe(`a damaged image on QEMU ${label}`, () => {
    test(
      'a bad frame stops the guest, whatever finds it, and with an undamaged image the guest continues',
      { timeout: 180_000 },
      async () => {
        await using domain = await startLinuxDomain({ emulator, memoryMib: 128 })
        const { name, stateDir, dir } = domain
        const paths = pathsOf(domain)
        const image = dir.join('image')
        {
          await using console = await domain.console()
          await console.ask(`fill ${FILLED_MIB}`, /^FILLED/)
        }
        await saveDomain(name, image, { stateDir })
        const frame = await findFilledFrame(image)
        const whole = dir.join('whole')
        await copyFile(image, whole)
        await damage(image, (await findParts(image)).frames[frame]?.offset ?? 0)
        const ways: ('background' | 'guest')[] = ['background', 'guest']
        let attempts = 1
        for (let meets = ways.shift(); meets !== undefined; meets = ways.shift()) {
          await restoreDomain(image, { stateDir, mode: 'lazy', force: true })
          await using console = await domain.console()
          if (meets === 'guest') {
            const { server } = await findPageServer(paths)
            process.kill(server, 'SIGSTOP')
            console.send('sum')
            // At the latest, the guest's next page holds the background back when the server continues.
            await delay(200)
            process.kill(server, 'SIGCONT')
          }
          for (;;) {
            const postcopy = await postcopyState(paths)
            if (postcopy?.state === 'failed') break
            assert.equal(postcopy?.state, 'filling')
            await delay(20)
          }
          // The background may have found it before the guest.
          const waits = async (): Promise<boolean | undefined> =>
            (await readPostcopyProgress(paths, (await readPostcopyRecord(paths))?.id ?? ''))?.fault
              ?.waiting
          for (let looks = 0; looks < 50 && (await waits()) !== (meets === 'guest'); looks += 1)
            await delay(20)
          if (meets === 'background' && (await waits()) === true && attempts < 3) {
            // A guest that seems idle may use any of its memory.
            attempts += 1
            ways.unshift(meets)
            await destroyDomain(name, { stateDir })
            continue
          }
          assert.equal(await waits(), meets === 'guest')
          const { state, postcopy } = await domainInfo(name, { stateDir })
          assert.equal(state, 'paused')
          assert.equal(postcopy?.fault?.code, 'IMAGE_CORRUPT')
          assert.match(postcopy.fault.message, new RegExp(`image is damaged: frame ${frame} `))
          assert.ok((postcopy.remainingBytes ?? 0) > 0)
          await assert.rejects(saveDomain(name, `${image}.2`, { stateDir }), {
            code: 'DOMAIN_WRONG_STATE',
            message: new RegExp(`is damaged: frame ${frame} `),
            hint: /postcopy-recover/,
          })
          assert.equal(
            console.lines.find((line) => line.startsWith('SUM')),
            undefined,
          )
          await recoverPostcopyDomain(name, { stateDir, image: whole })
          await waitForAllMemory(name, paths, undefined)
          if (meets === 'background') {
            // No processor waited, so the guest was stopped, and stays stopped.
            await resumeDomain(name, { stateDir })
            console.send('sum')
          }
          const [, sum] = await console.waitForLine(/^SUM (\w+)/)
          assert.equal(sum, computeFillSum(FILLED_MIB))
          await destroyDomain(name, { stateDir })
        }
      },
    )

    test(
      'is refused in every mode before the guest runs, and nothing is left',
      { timeout: 120_000 },
      async () => {
        await using domain = await startTinyDomain({ emulator })
        const { name, stateDir, runtimeDir, log, dir } = domain
        const image = dir.join('image')
        await log.advance(2)
        await saveDomain(name, image, { stateDir, compression: 'none' })
        const { index, device } = await findParts(image)
        const bytes = await readFile(image)
        const damages: readonly (readonly [string, () => Promise<void>])[] = [
          ['index', () => damage(image, index + 100)],
          ['device state', () => damage(image, device + 100)],
          ['end', () => truncate(image, bytes.length - 200)],
          ['second half', () => truncate(image, bytes.length / 2)],
        ]
        const modes = major < 9 ? (['lazy', 'load'] as const) : (['map', 'lazy', 'load'] as const)
        for (const [what, act] of damages) {
          await writeFile(image, bytes)
          await act()
          for (const mode of modes) {
            const message = `${what}, ${mode}`
            const refused = restoreDomain(image, { stateDir, mode, force: true })
            const outcome = await refused.then(
              () => 'none',
              (error: { readonly code: string }) => error.code,
            )
            assert.match(outcome, /^IMAGE_(CORRUPT|TRUNCATED)$/, message)
            assert.deepEqual(await listDomains({ stateDir }), [], message)
            assert.deepEqual(await readdir(runtimeDir), [], message)
          }
        }
        // Nothing sees a mapped page being read; this is why `auto` uses lazy for such images.
        await writeFile(image, bytes)
        const { frames } = await findParts(image)
        for (const { block, offset } of frames) if (block === 'pc.ram') await damage(image, offset)
        for (const mode of modes) {
          const restored = restoreDomain(image, { stateDir, mode, force: true })
          if (mode === 'map') assert.equal((await restored).mode, 'map')
          else await assert.rejects(restored, { code: 'IMAGE_CORRUPT' })
          await destroyDomain(name, { stateDir }).catch(() => undefined)
        }
      },
    )
  })
}
