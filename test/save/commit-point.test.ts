import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { domainInfo, restoreDomain, saveDomain } from '../../src/index.ts'
import { faultEnvironment } from '../support/faults/fault-environment.ts'
import { isLongRun, oldestQemu } from '../support/qemus.ts'
import { startStasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

/** Calls that are made to fail while an older image is replaced. */
const FAULTS = [
  ['fsync', 'EIO'],
  ['renameat2', 'EACCES'],
  ['open', 'ENOSPC', '/.image'],
] as const

const FORMATS = isLongRun()
  ? (['stasis', 'raw', 'channels', 'zstd'] as const)
  : (['stasis'] as const)

for (const { label, emulator } of oldestQemu()) {
  describe(`the commit point of a save, on QEMU ${label}`, () => {
    for (const format of FORMATS) {
      for (const [call, code, where = ''] of FAULTS) {
        const what = `an older image stays until the new ${format} one is durable: ${call} ${code}`
        test(what, { timeout: 180_000 }, async () => {
          await using tiny = await startTinyDomain({ emulator })
          const { stateDir, dir, log } = tiny
          const image = dir.join('image')
          await log.advance(1)
          await saveDomain('tiny', image, { stateDir, format })
          await restoreDomain(image, { stateDir })
          let older = await readFile(image)
          for (let nth = 1; ; nth += 1) {
            const fault = `${call}:${code}:${nth}:${dir.path}${where}`
            const argv = ['save', 'tiny', image, '--format', format]
            const { ended } = startStasis(stateDir, argv, faultEnvironment({ fault }))
            const { exitCode, stderr } = await ended
            const left = await readdir(dir.path)
            assert.deepEqual(
              left.filter((name) => name.startsWith('.')),
              [],
              fault,
            )
            if (exitCode !== 0) {
              assert.equal(exitCode, 7, `${fault}: ${stderr}`)
              assert.ok(older.equals(await readFile(image)), `${fault} cost the older image`)
              assert.equal((await domainInfo('tiny', { stateDir })).state, 'running', fault)
              await log.advance(1)
              continue
            }
            // Saved, perhaps in spite of the fault.
            assert.equal((await domainInfo('tiny', { stateDir })).state, 'shut off', fault)
            await restoreDomain(image, { stateDir })
            await log.advance(1)
            older = await readFile(image)
            if (stderr.includes('planned fault')) continue
            assert.ok(nth > 1, `no ${call} was made to fail`)
            return
          }
        })
      }
    }
  })
}
