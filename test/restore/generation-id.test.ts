import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  dumpDomainXml,
  managedSaveDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { pathsOf } from '../support/page-server.ts'
import { newestQemu } from '../support/qemus.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const OWN = '11111111-2222-4333-8444-5566778899aa'
const MEMORY_BYTES = 16 * 1024 * 1024

/** The id that the device has, and whether it is in the guest's memory, where the guest looks for it. */
async function generation(tiny: TinyDomain): Promise<string> {
  const dump = tiny.dir.join('memory')
  await using qmp = await QmpConnection.connect(pathsOf(tiny).controlSocket)
  const { guid } = (await qmp.executeAny('query-vm-generation-id')) as { readonly guid: string }
  await qmp.executeAny('pmemsave', { val: 0, size: MEMORY_BYTES, filename: dump })
  assert.ok((await readFile(dump)).includes(guestBytes(guid)), `${guid} is in the guest's memory`)
  return guid
}

/** A GUID as ACPI writes it: its first three parts with the low byte first. */
function guestBytes(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  bytes.subarray(0, 4).reverse()
  bytes.subarray(4, 6).reverse()
  bytes.subarray(6, 8).reverse()
  return bytes
}

for (const { label, emulator } of newestQemu()) {
  test(
    `a guest on QEMU ${label} gets a new generation id on request`,
    { timeout: 120_000 },
    async () => {
      await using tiny = await startTinyDomain({ emulator, started: false })
      const { stateDir, xml, dir, log } = tiny
      const withGenid = xml.replace('</uuid>', `</uuid><genid>${OWN}</genid>`)
      await defineDomain(withGenid, { stateDir })
      await startDomain('tiny', { stateDir })
      await log.advance(1)
      assert.equal(await generation(tiny), OWN)
      const image = dir.join('image')
      await saveDomain('tiny', image, { stateDir })
      await restoreDomain(image, { stateDir })
      await log.advance(1)
      assert.equal(await generation(tiny), OWN)

      await destroyDomain('tiny', { stateDir })
      await restoreDomain(image, { stateDir, newGenid: true })
      await log.advance(1)
      const second = await generation(tiny)
      assert.notEqual(second, OWN)
      assert.match(
        await dumpDomainXml('tiny', { stateDir }),
        new RegExp(`<genid>${second}</genid>`),
      )

      await managedSaveDomain('tiny', { stateDir })
      await startDomain('tiny', { stateDir, newGenid: true })
      await log.advance(1)
      const third = await generation(tiny)
      assert.equal(new Set([OWN, second, third]).size, 3)
    },
  )
}

test('a machine without a generation id cannot get a new one', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  await log.advance(1)
  const image = dir.join('image')
  await saveDomain('tiny', image, { stateDir })
  const refused = { code: 'DOMAIN_WRONG_STATE', message: /no generation id/ }
  await assert.rejects(restoreDomain(image, { stateDir, newGenid: true }), refused)
  await restoreDomain(image, { stateDir })
  await log.advance(1)
  await log.assertUnbroken()
})
