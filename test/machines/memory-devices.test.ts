import { writeFile } from 'node:fs/promises'
import { suite, test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

// Guests with memory modules and devices are saved and restored, in every way in which their memory can come back.

const MODULES: Readonly<Record<string, (file: string) => string>> = {
  dimm: () => `<memory model='dimm'><target><size unit='MiB'>64</size></target></memory>`,
  nvdimm: (file) =>
    `<memory model='nvdimm' access='shared'><source><path>${file}</path></source><target><size unit='MiB'>16</size><label><size unit='KiB'>128</size></label></target></memory>`,
  'virtio-mem': () =>
    `<memory model='virtio-mem'><target><size unit='MiB'>64</size><block unit='MiB'>2</block><requested unit='MiB'>32</requested></target></memory>`,
  'virtio-pmem': (file) =>
    `<memory model='virtio-pmem' access='shared'><source><path>${file}</path></source><target><size unit='MiB'>16</size></target></memory>`,
}

for (const { label, emulator, major } of newestQemu()) {
  suite(`QEMU ${label}`, () => {
    for (const [model, moduleXml] of Object.entries(MODULES)) {
      test(`saves and restores a guest with ${model}`, { timeout: 300_000 }, async () => {
        await using dir = await tempDir()
        const stateDir = dir.join('state')
        const serial = { type: 'file', path: dir.join('serial') } as const
        const file = dir.join('module')
        await writeFile(file, Buffer.alloc(16 * 1024 * 1024))
        const log = new CounterLog(serial.path)
        const xml = domainXml({ name: 'modules', guest: 'tiny', emulator, serial, memoryMib: 256 })
          .replace('<memory ', `<maxMemory unit='MiB' slots='4'>1024</maxMemory><memory `)
          // A balloon keeps an old QEMU from mapping an image.
          .replace(
            /<memballoon[\s\S]*?<\/memballoon>/,
            `<memballoon model='none'/>${moduleXml(file)}`,
          )
        await defineDomain(xml, { stateDir })
        await startDomain('modules', { stateDir })
        try {
          await log.advance(2)
          for (const mode of modesOf(model, major)) {
            const image = dir.join(`image-${mode}`)
            const format = { format: 'stasis', compression: 'none' } as const
            const early = model === 'virtio-mem' && major >= 8
            await saveDomain('modules', image, {
              stateDir,
              ...(early ? { format: 'raw' } : format),
            })
            await restoreDomain(image, { stateDir, mode })
            await log.advance(2)
          }
        } finally {
          await destroyDomain('modules', { stateDir }).catch(() => undefined)
        }
      })
    }
  })
}

/** QEMU before 8.1 maps images only on file systems with reflinks. Memory in a file of its own keeps QEMU from loading any memory on demand. */
function modesOf(model: string, major: number): readonly ('load' | 'map' | 'lazy')[] {
  if (model === 'virtio-mem' && major >= 8) return ['load']
  const inFile = model === 'nvdimm' || model === 'virtio-pmem'
  return ['load', ...(major >= 8 ? (['map'] as const) : []), ...(inFile ? [] : (['lazy'] as const))]
}
