import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { dumpDomainXml } from '../../src/domain/status/dump-xml.ts'
import { defineDomain } from '../../src/domain/lifecycle/define.ts'
import { destroyDomain } from '../../src/domain/lifecycle/destroy.ts'
import { startDomain } from '../../src/domain/lifecycle/start.ts'
import { restoreDomain } from '../../src/domain/restore/restore.ts'
import { saveDomain } from '../../src/domain/save/save.ts'
import { CounterLog } from '../support/counter-log.ts'
import { type Desktop, desktopXml } from '../support/desktop-xml.ts'
import { qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const FORMATS = [{ format: 'raw' }, { format: 'stasis' }] as const

/** Starts a desktop, saves and restores it in two formats, and checks that the guest's memory is right. */
async function roundTrip(
  desktop: Omit<Desktop, 'serial'>,
  whileRunning: (domain: Running) => Promise<void>,
): Promise<void> {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const serial = dir.join('serial')
  const log = new CounterLog(serial)
  const warnings: string[] = []
  const onWarning = (text: string): void => void warnings.push(text)
  await defineDomain(desktopXml({ ...desktop, serial }), { stateDir, onWarning })
  await startDomain('desktop', { stateDir })
  const running = { stateDir, warnings, log, image: dir.join('image'), dir: dir.path }
  try {
    await log.advance(3)
    for (const format of FORMATS) {
      await saveDomain('desktop', running.image, { stateDir, ...format })
      await restoreDomain(running.image, { stateDir })
      await log.advance(2)
    }
    await whileRunning(running)
    await log.advance(2)
    await log.assertUnbroken()
  } finally {
    await destroyDomain('desktop', { stateDir }).catch(() => undefined)
  }
}

interface Running {
  readonly stateDir: string
  readonly dir: string
  readonly image: string
  readonly warnings: readonly string[]
  readonly log: CounterLog
}

const [first] = qemus()
const withoutSpice = qemus().filter(({ major }) => major >= 10)

test(`QEMU ${first?.label}: a desktop is served by SPICE, saved and restored, and its image loads without SPICE`, async () => {
  const emulator = first?.emulator ?? ''
  await roundTrip({ emulator }, async ({ stateDir, warnings, image, dir, log }) => {
    assert.deepEqual(
      warnings.filter((text) => /SPICE|sound/.test(text)),
      [],
    )
    const xml = await dumpDomainXml('desktop', { stateDir, securityInfo: true })
    const port = Number(/<graphics type=['"]spice['"] port=['"](\d+)['"]/.exec(xml)?.[1])
    const client = connect(port, '127.0.0.1')
    await once(client, 'connect')
    client.destroy()
    const record = await readFile(join(stateDir, 'run/desktop/process.json'), 'utf8')
    assert.match(record, /-spice/)
    assert.doesNotMatch(record, /sesame|disable-ticketing/)

    await saveDomain('desktop', image, { stateDir, format: 'raw' })
    const other = await qemuWithoutSpice(dir)
    const closed: string[] = []
    await restoreDomain(image, {
      stateDir,
      xml: xml.replace(`<emulator>${emulator}<`, `<emulator>${other}<`),
      allow: [`emulator:${other}`],
      onWarning: (text) => void closed.push(text),
    })
    assert.equal(closed.filter((text) => /no SPICE/.test(text)).length, 1, closed.join('\n'))
    await log.advance(2)
    const now = await readFile(join(stateDir, 'run/desktop/process.json'), 'utf8')
    assert.doesNotMatch(now, /-spice|spicevmc/)
    assert.match(now, /qxl-vga/)
  })
})

for (const { label, emulator } of withoutSpice) {
  test(`QEMU ${label} without SPICE: a desktop keeps its devices through saves and restores`, async () => {
    await roundTrip({ emulator, video: 'virtio' }, async ({ stateDir, warnings }) => {
      assert.equal(warnings.filter((text) => /no SPICE/.test(text)).length, 1)
      const record = await readFile(join(stateDir, 'run/desktop/process.json'), 'utf8')
      for (const device of ['usb-redir', 'ccid-card-passthru', 'com.redhat.spice.0'])
        assert.ok(record.includes(device), device)
    })
  })

  test(`QEMU ${label} without QXL: a desktop does not start, and the error names the device`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    await defineDomain(desktopXml({ emulator, serial: dir.join('serial') }), { stateDir })
    await assert.rejects(startDomain('desktop', { stateDir }), {
      code: 'QEMU_LACKS_FEATURE',
      message: /device qxl/,
    })
  })
}

/** The distribution's QEMU as one that was built without SPICE answers. Its modules cannot be hidden: QEMU always looks in its own directory, too. */
async function qemuWithoutSpice(dir: string): Promise<string> {
  const path = join(dir, 'qemu-system-x86_64')
  const text = `#!/bin/sh\n[ "$*" = "-spice help" ] && exit 1\nexec ${first?.emulator} "$@"\n`
  await writeFile(path, text)
  await chmod(path, 0o755)
  return path
}
