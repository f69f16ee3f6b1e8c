import assert from 'node:assert/strict'
import { copyFile, utimes } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { defineImage } from '../../src/domain/images/define-image.ts'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

for (const { label, emulator } of newestQemu()) {
  describe(`an image stays the same image, on QEMU ${label}`, () => {
    for (const format of ['stasis', 'raw', 'zstd'] as const) {
      test(`an edited or converted ${format} image is refused when its disk has changed`, async () => {
        await using dir = await tempDir()
        const stateDir = dir.join('state')
        const diskPath = dir.join('disk')
        await copyFile(guestPaths().tinyDisk, diskPath)
        const serial = { type: 'file', path: dir.join('serial') } as const
        await defineDomain(domainXml({ name: 'tiny', guest: 'tiny', emulator, serial, diskPath }), {
          stateDir,
        })
        try {
          await startDomain('tiny', { stateDir })
          await new CounterLog(serial.path).advance(1)
          const image = dir.join('image')
          await saveDomain('tiny', image, { stateDir, format })
          await convertImage(image, dir.join('converted'), { stateDir, format: 'raw' })
          const describe = async (xml: string): Promise<{ text: string; path: string }> => ({
            text: xml.replace('</name>', '</name><description>edited</description>'),
            path: 'edited',
          })
          assert.equal(await defineImage(image, describe), true)
          const later = new Date(Date.now() + 60_000)
          await utimes(diskPath, later, later)
          for (const path of [image, dir.join('converted')])
            await assert.rejects(restoreDomain(path, { stateDir }), { code: 'IMAGE_STALE' }, path)
          await restoreDomain(image, { stateDir, force: true })
        } finally {
          await destroyDomain('tiny', { stateDir }).catch(() => undefined)
        }
      })
    }
  })
}
