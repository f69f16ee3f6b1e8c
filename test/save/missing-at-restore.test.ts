import assert from 'node:assert/strict'
import { copyFile, mkdir, rm, utimes } from 'node:fs/promises'
import { test } from 'node:test'
import {
  checkImage,
  checkSave,
  defineDomain,
  destroyDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { guestPaths } from '../support/guests.ts'
import { oldestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

for (const { label, emulator } of oldestQemu()) {
  test(
    `a save warns of a directory that a restore will miss, and a check finds changed disks, on QEMU ${label}`,
    { timeout: 60_000 },
    async () => {
      await using dir = await tempDir()
      const stateDir = dir.join('state')
      await using stack = new AsyncDisposableStack()
      stack.defer(async () => void (await destroyDomain('a', { stateDir }).catch(() => undefined)))
      const diskPath = dir.join('a.img')
      await copyFile(guestPaths().tinyDisk, diskPath)
      const serial = { type: 'file', path: dir.join('a.log') } as const
      const gone = dir.join('gone')
      await mkdir(gone)
      const xml = domainXml({ name: 'a', guest: 'tiny', emulator, serial, diskPath }).replace(
        '<memballoon',
        `<serial type='null'><log file='${gone}/log'/><target port='1'/></serial><memballoon`,
      )
      await defineDomain(xml, { stateDir })
      await startDomain('a', { stateDir })
      await new CounterLog(serial.path).advance(2)
      await rm(gone, { recursive: true })
      const expected = /a restore will fail .* is missing: .*gone/
      const image = dir.join('image')
      assert.match((await checkSave('a', image, { stateDir })).warnings.join(), expected)
      assert.match((await saveDomain('a', image, { stateDir })).warnings.join(), expected)

      await mkdir(gone)
      assert.equal((await checkImage(image, { stateDir })).loadable, true)
      await utimes(diskPath, new Date(), new Date())
      const { loadable, findings } = await checkImage(image, { stateDir })
      assert.equal(loadable, false)
      const faults = findings.filter(({ severity }) => severity === 'error')
      assert.deepEqual(
        faults.map(({ code }) => code),
        ['DISKS'],
      )
      assert.match(faults[0]?.text ?? '', /older than its disks: its disk vda .* was written to/)
    },
  )
}
