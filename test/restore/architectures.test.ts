import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { inspectImage } from '../../src/domain/images/image-info.ts'
import { waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import {
  defineDomain,
  destroyDomain,
  managedSaveDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { AARCH64_UEFI, aarch64Qemus, startTinyAarch64 } from '../support/aarch64.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { pathsOf } from '../support/page-server.ts'
import { tempDir } from '../support/temp-dir.ts'

for (const qemu of aarch64Qemus()) {
  const { label, major, missing } = qemu
  describe(`an aarch64 guest on QEMU ${label}`, { skip: missing }, () => {
    test('continues from every kind of image', { timeout: 180_000 }, async () => {
      await using domain = await startTinyAarch64(qemu)
      const { name, stateDir, dir, log } = domain
      await log.advance(3)
      for (const format of ['stasis', 'raw', 'zstd', 'sparse'] as const) {
        if (format === 'sparse' && major < 9) continue
        const image = dir.join(format)
        await saveDomain(name, image, { stateDir, format })
        const info = await inspectImage(image, { verify: true })
        assert.equal(info.domain?.arch, 'aarch64')
        assert.ok(info.verified && (info.devices?.length ?? 0) > 10)
        assert.ok(info.memory?.blocks.some((block) => block.name === 'mach-virt.ram'))
        await restoreDomain(image, { stateDir })
        await log.advance(2)
      }
      await managedSaveDomain(name, { stateDir })
      await startDomain(name, { stateDir })
      await log.advance(2)
      await log.assertUnbroken()
    })

    test('runs while its memory comes', { timeout: 120_000 }, async () => {
      await using domain = await startTinyAarch64(qemu)
      const { name, stateDir, dir, log } = domain
      await log.advance(3)
      const modes = major < 9 ? (['lazy'] as const) : (['lazy', 'map'] as const)
      for (const mode of modes) {
        const image = dir.join(mode)
        await saveDomain(name, image, { stateDir, compression: 'none' })
        assert.equal((await restoreDomain(image, { stateDir, mode })).mode, mode)
        await log.advance(3)
        if (mode === 'lazy') await waitForAllMemory(name, pathsOf(domain), undefined)
        await log.advance(2)
      }
      await log.assertUnbroken()
    })

    test('its UEFI firmware is in the image', { timeout: 180_000 }, async () => {
      await using dir = await tempDir()
      const stateDir = dir.join('state')
      const { code, variables } = AARCH64_UEFI
      const xml = `<domain type='qemu'><name>uefi</name><memory unit='MiB'>128</memory>
  <os><type arch='aarch64' machine='virt'>hvm</type>
    <loader readonly='yes' type='pflash'>${code}</loader><nvram template='${variables}'/></os>
  <features><acpi/></features><cpu mode='maximum'/>
  <devices><emulator>${qemu.emulator}</emulator></devices></domain>`
      await defineDomain(xml, { stateDir })
      try {
        await startDomain('uefi', { stateDir })
        await saveDomain('uefi', dir.join('image'), { stateDir })
        const { memory } = await inspectImage(dir.join('image'))
        for (const flash of ['virt.flash0', 'virt.flash1'])
          assert.equal(memory?.blocks.find(({ name }) => name === flash)?.bytes, 64 * 1024 * 1024)
        await restoreDomain(dir.join('image'), { stateDir })
      } finally {
        await destroyDomain('uefi', { stateDir }).catch(() => undefined)
      }
    })
  })
}

const I386 = '/usr/bin/qemu-system-i386'

describe('an i686 guest', { skip: existsSync(I386) ? false : `${I386} is not there` }, () => {
  test('continues from an image', { timeout: 120_000 }, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = domainXml({ name: 'old', guest: 'tiny', emulator: I386, serial })
      .replace("arch='x86_64'", "arch='i686'")
      .replace('qemu64', 'qemu32')
    await defineDomain(xml, { stateDir })
    try {
      await startDomain('old', { stateDir })
      const log = new CounterLog(serial.path)
      await log.advance(3)
      for (const mode of ['load', 'lazy'] as const) {
        await saveDomain('old', dir.join(mode), { stateDir })
        await restoreDomain(dir.join(mode), { stateDir, mode })
        await log.advance(3)
      }
      await log.assertUnbroken()
    } finally {
      await destroyDomain('old', { stateDir }).catch(() => undefined)
    }
  })
})
