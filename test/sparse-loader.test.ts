import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'
import { convertImage } from '../src/domain/convert-image.ts'
import { resolveDirectories } from '../src/domain/directories.ts'
import { restoreDomain } from '../src/domain/restore.ts'
import { saveDomain } from '../src/domain/save.ts'
import { openImageFile } from '../src/image/opened-image.ts'
import { probeMigration } from '../src/migration/features.ts'
import { startIncoming } from '../src/migration/incoming.ts'
import { launchQemu } from '../src/qemu/launch.ts'
import { endQemu } from '../src/qemu/end.ts'
import { machineDigest } from './support/machine-digest.ts'
import { newestQemu, qemus } from './support/qemus.ts'
import { startTinyDomain } from './support/tiny-domain.ts'

for (const { label, emulator } of qemus().filter(({ major }) => major >= 9)) {
  for (const channels of [0, 3]) {
    test(`a sparse image that convertImage() wrote loads in the own loader of QEMU ${label}, ${channels} channels`, async () => {
      await using domain = await startTinyDomain({ emulator })
      const { stateDir, dir } = domain
      await domain.log.advance(2)
      const saved = dir.join('saved')
      await saveDomain('tiny', saved, { stateDir, format: 'zstd' })
      const path = dir.join('sparse')
      await convertImage(saved, path, { stateDir, format: 'sparse' })
      const { file, description, bodyOffset } = await openImageFile(path, { direct: false })
      await file.close()
      const [, ...argv] = [
        ...(description.cookie ?? '').matchAll(/<stasis:arg>(.*)<\/stasis:arg>/g),
      ].map(([, text = '']) => text.replaceAll('&apos;', "'").replaceAll('&amp;', '&'))
      const { runtimeDir } = resolveDirectories({ stateDir })
      const { process, control } = await launchQemu({
        emulator,
        argv: [...argv, '-incoming', 'defer'],
        extraFds: [],
        directory: runtimeDir,
        monitors: { control: dir.join('c'), query: dir.join('q') },
      })
      try {
        const incoming = await startIncoming(control, {
          uri: `file:${path},offset=${bodyOffset}`,
          features: await probeMigration(control),
          channels,
          mappedRam: true,
        })
        await incoming.completed()
        await control.execute('cont')
        await domain.log.advance(2)
        await domain.log.assertUnbroken()
      } finally {
        await control.close()
        await endQemu(process.identity, { force: true })
      }
    })
  }
}

for (const { label, emulator } of newestQemu()) {
  test(`convertImage() reads channels that QEMU ${label} compressed, and what it gives goes on`, async () => {
    await using domain = await startTinyDomain({ emulator })
    const { stateDir, dir } = domain
    await domain.log.advance(2)
    for (const compression of ['none', 'zlib', 'zstd'] as const) {
      const saved = dir.join(compression)
      const options = { stateDir, format: 'channels', channels: 2, compression } as const
      await saveDomain('tiny', saved, options)
      for (const format of ['stasis', 'gzip'] as const) {
        await convertImage(saved, dir.join(format), { stateDir, format })
        assert.deepEqual(await machineDigest(dir.join(format)), await machineDigest(saved))
      }
      await restoreDomain(dir.join('stasis'), { stateDir })
      await domain.log.advance(1)
      await rm(dir.join('stasis'))
    }
    await domain.log.assertUnbroken()
  })
}
