import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { truncate, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
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
import { aarch64Qemus, fullAarch64Xml, startTinyAarch64 } from '../support/aarch64.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { machineDigest } from '../support/machine-digest.ts'
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

    test('finds its virtio devices without PCI', { timeout: 120_000 }, async () => {
      const devices = `<memballoon model='virtio'><address type='virtio-mmio'/></memballoon>
        <interface type='user'/><controller type='scsi' model='virtio-scsi'/>`
      await using domain = await startTinyAarch64(qemu, devices)
      const { name, stateDir, dir, log } = domain
      await log.advance(3)
      await saveDomain(name, dir.join('image'), { stateDir })
      const names = (await inspectImage(dir.join('image'))).devices?.map((one) => one.name) ?? []
      assert.equal(names.filter((one) => one.startsWith('virtio-mmio@')).length, 3, names.join(' '))
      await restoreDomain(dir.join('image'), { stateDir })
      await log.advance(3)
      await log.assertUnbroken()
    })

    test(
      'has its firmware and a device of every kind in the image',
      { timeout: 180_000 },
      async () => {
        await using dir = await tempDir()
        const stateDir = dir.join('state')
        const [first, second] = [dir.join('first'), dir.join('second')]
        await writeFile(dir.join('disk'), '')
        await truncate(dir.join('disk'), 1 << 20)
        await defineDomain(fullAarch64Xml(qemu, dir.join('disk')), { stateDir })
        try {
          await startDomain('full', { stateDir })
          await delay(1000)
          await saveDomain('full', first, { stateDir, resumeAs: 'paused' })
          const { memory } = await inspectImage(first)
          for (const flash of ['virt.flash0', 'virt.flash1'])
            assert.equal(memory?.blocks.find(({ name }) => name === flash)?.bytes, 64 * 1024 * 1024)
          await restoreDomain(first, { stateDir })
          await saveDomain('full', second, { stateDir })
          const [before, after] = [await machineDigest(first), await machineDigest(second)]
          assert.deepEqual([after.blocks, after.pages], [before.blocks, before.pages])
        } finally {
          await destroyDomain('full', { stateDir }).catch(() => undefined)
        }
      },
    )
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
