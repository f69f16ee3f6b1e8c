import assert from 'node:assert/strict'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  dumpDomainXml,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

for (const { emulator, label } of newestQemu()) {
  test(`a disk in a storage pool of libvirt is the file in its directory, on QEMU ${label}`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    await mkdir(dir.join('config/libvirt/storage'), { recursive: true })
    await copyFile(guestPaths().tinyDisk, dir.join('tiny.img'))
    const before = process.env['XDG_CONFIG_HOME']
    process.env['XDG_CONFIG_HOME'] = dir.join('config')
    const xml = domainXml({
      name: 'volume',
      guest: 'tiny',
      emulator,
      serial: { type: 'file', path: dir.join('serial') },
    })
      .replace(/<disk type='file'/, "<disk type='volume'")
      .replace(/<source file='[^']*'\/>/, "<source pool='stasis-images' volume='tiny.img'/>")
    try {
      await assert.rejects(defineDomain(xml, { stateDir }), {
        code: 'XML_UNSUPPORTED',
        message: /disk\/@type.*"volume"/,
        hint: /Name the file: <disk type="file">/,
      })
      await writeFile(
        dir.join('config/libvirt/storage/stasis-images.xml'),
        `<pool type='dir'><name>stasis-images</name><target><path>${dir.path}</path></target></pool>`,
      )
      await defineDomain(xml, { stateDir })
      await startDomain('volume', { stateDir })
      const log = new CounterLog(dir.join('serial'))
      await log.advance(2)
      await saveDomain('volume', dir.join('image'), { stateDir, format: 'raw' })
      await restoreDomain(dir.join('image'), { stateDir })
      await log.advance(2)
      await log.assertUnbroken()
      const live = await dumpDomainXml('volume', { stateDir })
      assert.match(live, /<disk type='file' [^]*<source file='[^']*\/tiny\.img'/)
    } finally {
      await destroyDomain('volume', { stateDir }).catch(() => undefined)
      if (before === undefined) delete process.env['XDG_CONFIG_HOME']
      else process.env['XDG_CONFIG_HOME'] = before
    }
  })
}
