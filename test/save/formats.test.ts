import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspectImage } from '../../src/domain/images/image-info.ts'
import { defineImage } from '../../src/domain/images/define-image.ts'
import { restoreDomain } from '../../src/domain/restore/restore.ts'
import { saveDomain } from '../../src/domain/save/save.ts'
import { newestQemu } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const FORMATS = ['gzip', 'bzip2', 'xz', 'lzop', 'zstd', 'sparse'] as const

describe("saveDomain() in libvirt's formats", () => {
  for (const { label, emulator, major } of newestQemu()) {
    test(`the guest continues, on QEMU ${label}`, { timeout: 180_000 }, async () => {
      await using domain = await startTinyDomain({ emulator })
      const { stateDir, dir } = domain
      await domain.log.advance(2)
      for (const format of FORMATS.filter((each) => each !== 'sparse' || major >= 9)) {
        const path = dir.join(format)
        await saveDomain('tiny', path, { stateDir, format })
        // Compares the text of the XML: nothing but the requested part changes.
        await defineImage(path, async (text) => Promise.resolve({ text }), { resumeAs: 'running' })
        const info = await inspectImage(path, { verify: true })
        assert.equal(info.format, format)
        assert.ok(info.verified && info.wasRunning && (info.devices?.length ?? 0) > 20)
        await restoreDomain(path, { stateDir })
        await domain.log.advance(1)
      }
      await domain.log.assertUnbroken()
    })

    test(`a fault leaves the guest running, on QEMU ${label}`, async () => {
      await using domain = await startTinyDomain({ emulator })
      const { stateDir, dir } = domain
      const path = dir.join('image')
      const sparse = saveDomain('tiny', path, { stateDir, format: 'sparse', compression: 'zstd' })
      await assert.rejects(sparse, { code: 'BAD_COMBINATION' })
      const gzip = saveDomain('tiny', path, { stateDir, format: 'gzip', channels: 2 })
      await assert.rejects(gzip, { code: 'BAD_COMBINATION' })
      if (major < 9) {
        const lacking = saveDomain('tiny', path, { stateDir, format: 'sparse' })
        await assert.rejects(lacking, { code: 'QEMU_LACKS_FEATURE' })
      }
      await domain.log.advance(1)
    })
  }
})
