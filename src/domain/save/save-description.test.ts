import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeMonitor, ok } from '../../../test/support/fake-monitor.ts'
import { smallXml, testStore } from '../../../test/support/test-store.ts'
import { QmpConnection } from '../../qmp/connection.ts'
import { attachedProvenance, readProvenance } from '../cookie/provenance.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'
import { describeForSave } from './save-description.ts'

const LIVE = smallXml({ name: 'web', devices: "<serial type='pty'/>" })

/** Describes a domain that runs from `LIVE`. */
async function describe(
  xml: string | undefined,
  more: Partial<RuntimeRecord> = {},
  live = LIVE,
): ReturnType<typeof describeForSave> {
  await using store = await testStore()
  const record = await store.run('web', more, live)
  await using held = await HeldDomain.named('web', 'save', store.directories)
  await using fake = await fakeMonitor((command) => ok(command, []))
  await using qmp = await QmpConnection.connect(fake.path)
  return await describeForSave(held, record, true, xml, qmp)
}

test('describeForSave() takes the live XML, and records QEMU in the cookie', async () => {
  const { xml, cookie = '', wasRunning } = await describe(undefined)
  assert.equal(xml, LIVE)
  assert.equal(wasRunning, true)
  assert.equal(readProvenance(cookie)?.qemu, '10.0.0')
  assert.equal(attachedProvenance(cookie), undefined)
})

test('describeForSave() omits the watchdog that every q35 has', async () => {
  const q35 = (devices: string): string =>
    smallXml({ name: 'web', devices }).replace(/machine='[^']*'/, "machine='pc-q35-7.2'")
  const saved = async (devices: string): Promise<string> =>
    (await describe(undefined, {}, q35(devices))).xml
  const card = "<watchdog model='i6300esb' action='pause'/>"
  assert.doesNotMatch(await saved("<watchdog model='itco' action='reset'/>"), /itco/)
  assert.doesNotMatch(await saved(`${card}<watchdog model='itco' action='pause'/>`), /itco/)
  assert.match(await saved("<watchdog model='itco' action='none'/>"), /itco/)
})

test('describeForSave() names the firmware, and omits the request to choose one', async () => {
  const live = smallXml({ name: 'web', devices: '' }).replace(
    /<os>(.*?)<\/os>/s,
    "<os firmware='efi'>$1<firmware><feature name='secure-boot' enabled='yes'/></firmware><loader readonly='yes' type='pflash'>/code</loader><nvram>/vars</nvram></os>",
  )
  const { xml } = await describe(undefined, {}, live)
  assert.doesNotMatch(xml, /firmware/)
  assert.match(xml, /<loader readonly=.yes. type=.pflash.>\/code<\/loader>\s*<nvram>\/vars</)
})

test('describeForSave() gives each image an id of its own', async () => {
  assert.notEqual((await describe(undefined)).id, (await describe(undefined)).id)
})

test('describeForSave() takes a given XML only when the guest sees no difference', async () => {
  const { xml } = await describe(LIVE.replace("type='pty'", "type='null'"))
  assert.ok(xml.includes("<serial type='null'"))
  await assert.rejects(describe(LIVE.replace('>64<', '>128<')), { code: 'IMAGE_INCOMPATIBLE' })
})

test('describeForSave() refuses a QEMU of another program that could not be started again', async () => {
  const attached = { cwd: '/home' }
  const { cookie } = await describe(undefined, { attached, commandLine: ['/qemu', '-m', '64'] })
  assert.deepEqual(attachedProvenance(cookie)?.commandLine, ['/qemu', '-m', '64'])
  const commandLine = ['/qemu', '-netdev', 'tap,id=n,fd=9']
  await assert.rejects(describe(undefined, { attached, commandLine }), {
    code: 'QEMU_REFUSED',
    message: /inherited descriptor/,
  })
})
