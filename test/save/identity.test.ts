import assert from 'node:assert/strict'
import { copyFile, open, stat, utimes } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { defineImage } from '../../src/domain/images/define-image.ts'
import { destroyDomain, dumpDomainXml, restoreDomain, saveDomain } from '../../src/index.ts'
import { newestQemu } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

for (const { label, emulator } of newestQemu()) {
  describe(`an image stays the same image, on QEMU ${label}`, () => {
    for (const format of ['stasis', 'raw', 'zstd'] as const) {
      test(`an edited or converted ${format} image is refused when its disk has changed`, async () => {
        await using tiny = await startTinyDomain({ emulator, ownDisk: true })
        const { dir, stateDir } = tiny
        const diskPath = dir.join('disk')
        await tiny.log.advance(1)
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
      })
    }

    test('another host refuses a disk that has changed, and one whose times were put back', async () => {
      await using tiny = await startTinyDomain({ emulator, ownDisk: true })
      const { dir, stateDir } = tiny
      const diskPath = dir.join('disk')
      await tiny.log.advance(1)
      const image = dir.join('image')
      await saveDomain('tiny', image, { stateDir })
      const { atime, mtime } = await stat(diskPath)
      await using disk = await open(diskPath, 'r+')
      const elsewhere = { stateDir: dir.join('elsewhere') }
      const superblock = 1024 * 1024 + 1024
      await disk.write(Buffer.from('mounted'), 0, 7, superblock)
      await assert.rejects(restoreDomain(image, elsewhere), {
        code: 'IMAGE_STALE',
        message: /was written to/,
      })
      await utimes(diskPath, atime, Math.floor(mtime.getTime() / 1000))
      await assert.rejects(restoreDomain(image, elsewhere), {
        code: 'IMAGE_STALE',
        message: /different content/,
      })
      await disk.write(Buffer.alloc(7), 0, 7, superblock)
      await utimes(diskPath, atime, Math.floor(mtime.getTime() / 1000))
      await restoreDomain(image, elsewhere)
      await destroyDomain('tiny', elsewhere)
    })

    test('a disk at another path is compared, too', async () => {
      await using tiny = await startTinyDomain({ emulator, ownDisk: true })
      const { dir, stateDir } = tiny
      const diskPath = dir.join('disk')
      await tiny.log.advance(1)
      await saveDomain('tiny', dir.join('image'), { stateDir })
      const moved = (await dumpDomainXml('tiny', { stateDir })).replace(diskPath, dir.join('moved'))
      const { atime, mtime } = await stat(diskPath)
      await copyFile(diskPath, dir.join('moved'))
      await assert.rejects(restoreDomain(dir.join('image'), { stateDir, xml: moved }), {
        code: 'IMAGE_STALE',
        message: /moved\) was written to/,
      })
      // As a copy that keeps times to the second has it.
      await utimes(dir.join('moved'), atime, Math.floor(mtime.getTime() / 1000))
      await restoreDomain(dir.join('image'), { stateDir, xml: moved })
    })
  })
}
