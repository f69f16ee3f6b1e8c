import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkImage,
  createDomain,
  destroyDomain,
  domainInfo,
  restoreDomain,
  saveDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { newestQemu, oldestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

test('a guest is not restored where its processor would lack features', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const serial = { type: 'file', path: dir.join('serial') } as const
  const xmlFor = (emulator: string): string =>
    domainXml({ name: 'tiny', guest: 'tiny', emulator, serial, machine: 'pc-q35-7.2' }).replace(
      /<cpu [^]*?(\/>|<\/cpu>)/,
      "<cpu mode='maximum'/>",
    )
  const [newer, older] = [newestQemu(), oldestQemu()].map(([qemu]) => xmlFor(qemu?.emulator ?? ''))
  const image = dir.join('image')
  const log = new CounterLog(serial.path)
  try {
    await createDomain(newer ?? '', { stateDir })
    await log.advance(1)
    await saveDomain('tiny', image, { stateDir })
    const { findings } = await checkImage(image, { stateDir, xml: older })
    const found = findings.find(({ code, severity }) => code === 'CPU' && severity === 'error')
    assert.match(found?.text ?? '', /sha-ni|bit \d+ of CPUID/)
    await assert.rejects(restoreDomain(image, { stateDir, xml: older }), {
      code: 'IMAGE_INCOMPATIBLE',
      message: /has found features in its processor that this host lacks: .*/,
      hint: /--force/,
    })
    await assert.rejects(domainInfo('tiny', { stateDir }), { code: 'DOMAIN_NOT_FOUND' })
    await restoreDomain(image, { stateDir })
    await log.advance(1)
    await log.assertUnbroken()
  } finally {
    await destroyDomain('tiny', { stateDir }).catch(() => undefined)
  }
})
