import assert from 'node:assert/strict'
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  checkSave,
  defineDomain,
  destroyDomain,
  managedSaveDomain,
  removeManagedSave,
  restoreDomain,
  saveDomain,
  saveHost,
  startDomain,
  undefineDomain,
} from '../../src/index.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const DISCARDS = /--force-boot/

function cdrom(path: string, policy: string): string {
  return `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${path}'${policy}/><target dev='sda' bus='sata'/><readonly/></disk></devices>`
}

test(
  'a CD whose file is gone keeps no guest from its managed save',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain({ started: false })
    const { stateDir, dir, log } = tiny
    const iso = dir.join('seed.iso')
    for (const [policy, goesOn] of [
      [` startupPolicy='optional'`, true],
      [` startupPolicy='requisite'`, true],
      ['', false],
    ] as const) {
      await writeFile(iso, Buffer.alloc(65536))
      await defineDomain(tiny.xml.replace('</devices>', cdrom(iso, policy)), { stateDir })
      await startDomain('tiny', { stateDir })
      await log.advance(1)
      await rm(iso)
      const { obstacles, warnings } = await checkSave('tiny', undefined, { stateDir })
      assert.deepEqual(obstacles, [])
      assert.match(warnings.join('\n'), /seed\.iso was removed/)
      await managedSaveDomain('tiny', { stateDir })
      const told: string[] = []
      const start = startDomain('tiny', { stateDir, onWarning: (text) => told.push(text) })
      if (goesOn) {
        await start
        assert.match(told.join('\n'), /drive sda is empty/)
        await log.advance(1)
        await destroyDomain('tiny', { stateDir })
      } else {
        await assert.rejects(start, (error: Error & { code: string; hint: string }) => {
          assert.equal(error.code, 'QEMU_START_FAILED')
          assert.match(error.hint, /managedsave-edit tiny/)
          assert.doesNotMatch(error.hint, DISCARDS)
          return true
        })
        await removeManagedSave('tiny', { stateDir })
      }
    }
  },
)

test('a managed save that is not one is reported with a hint that fits', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir } = tiny
  const path = join(stateDir, 'save', 'tiny.save')
  await managedSaveDomain('tiny', { stateDir })
  const image = await readFile(path)
  image.write('LibvirtQemudPart', 'latin1')
  for (const content of [Buffer.of(), image]) {
    await writeFile(path, content)
    await assert.rejects(startDomain('tiny', { stateDir }), (error: Error & { hint: string }) => {
      assert.match(error.hint, /Move .*tiny\.save away/)
      assert.doesNotMatch(error.hint, DISCARDS)
      return true
    })
  }
  await rm(path)
  await mkdir(path)
  await assert.rejects(removeManagedSave('tiny', { stateDir }), { message: /it is a directory/ })
  await rmdir(path)
  const told: string[] = []
  await startDomain('tiny', { stateDir, onWarning: (text) => told.push(text) })
  assert.match(told.join('\n'), /its managed save .* is gone/)
})

test('host-save says what to do with a domain that is not defined', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir } = tiny
  await saveDomain('tiny', dir.join('image'), { stateDir })
  await undefineDomain('tiny', { stateDir })
  await restoreDomain(dir.join('image'), { stateDir })
  for (const dryRun of [true, false]) {
    const [outcome] = await saveHost({ stateDir, dryRun })
    assert.equal(outcome?.outcome, 'not saved')
    assert.match(outcome?.reason ?? '', /stasis define tiny\.xml/)
  }
})
