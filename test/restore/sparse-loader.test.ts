import assert from 'node:assert/strict'
import { readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { resolveDirectories } from '../../src/domain/store/directories.ts'
import { listDomains } from '../../src/domain/status/list.ts'
import type { RestoreProgress } from '../../src/domain/progress/progress.ts'
import { restoreDomain } from '../../src/domain/restore/restore.ts'
import { saveDomain } from '../../src/domain/save/save.ts'
import { openImageFile } from '../../src/image/opened-image.ts'
import { probeMigration } from '../../src/migration/features.ts'
import { startIncoming } from '../../src/migration/incoming.ts'
import { launchQemu } from '../../src/qemu/process/launch.ts'
import { endQemu } from '../../src/qemu/process/end.ts'
import { assertGoesOn } from '../support/fixture-guest.ts'
import { FIXTURES, fixtureXml, placeFixture, qemusFor } from '../support/fixtures.ts'
import { machineDigest } from '../support/machine-digest.ts'
import { isLongRun, newestQemu, qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

/** Channels, and whether to bypass the page cache: usually only the two extremes. */
const LOADERS = (
  [
    [0, false],
    [3, true],
    [0, true],
    [3, false],
  ] as const
).slice(0, isLongRun() ? 4 : 2)

for (const { label, emulator } of qemus().filter(({ major }) => major >= 9)) {
  for (const [channels, directIo] of LOADERS) {
    test(`a sparse image that convertImage() wrote loads in QEMU ${label}'s own loader, ${channels} channels, direct I/O ${directIo}`, async () => {
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
          directIo,
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

/** Whether QEMU's memory is a file that we filled. */
async function isFilledByUs(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'latin1')).includes('/proc/self/fd/')
}

/** Processes that have a path in their command line. */
async function processesWith(path: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')),
  )
  return lines.filter((line) => line.includes(path))
}

for (const { label, major, emulator } of qemus()) {
  const whose = major >= 9 ? "QEMU's own loader" : 'our loader'
  test(`restoreDomain() loads a sparse image by ${whose} (QEMU ${label})`, async () => {
    await using domain = await startTinyDomain({ emulator })
    const { stateDir, dir } = domain
    await domain.log.advance(2)
    for (const connections of [1, 4]) {
      for (const bypassCache of [false, true]) {
        const path = dir.join(`image-${connections}-${bypassCache},offset=7`)
        if (major >= 9) {
          await saveDomain('tiny', path, { stateDir, format: 'sparse', bypassCache })
        } else {
          await saveDomain('tiny', dir.join('raw'), { stateDir, format: 'raw' })
          await convertImage(dir.join('raw'), path, { stateDir, format: 'sparse' })
        }
        const seen: RestoreProgress[] = []
        const onProgress = (progress: RestoreProgress): void => void seen.push(progress)
        const options = {
          stateDir,
          mode: 'load',
          readers: connections,
          bypassCache,
          onProgress,
        } as const
        const { id } = await restoreDomain(path, options)
        assert.equal(await isFilledByUs(id), major < 9)
        const last = seen.findLast((progress) => progress.phase === 'loading')
        assert.ok(last?.phase === 'loading' && last.percent > 99, JSON.stringify(last))
        await domain.log.advance(1)
      }
    }
    await domain.log.assertUnbroken()
  })
}

for (const fixture of FIXTURES.filter(({ format }) => format === 'sparse')) {
  for (const { label, emulator } of qemusFor(fixture)) {
    for (const [channels, bypassCache] of LOADERS) {
      const connections = channels + 1
      const how = `${connections} connections, bypass-cache ${bypassCache}`
      test(`${fixture.name} continues in QEMU ${label}, ${how}`, async () => {
        await using dir = await tempDir()
        const path = placeFixture(fixture, dir)
        await assertGoesOn(fixture, path, emulator, {
          mode: 'load',
          readers: connections,
          bypassCache,
        })
      })
    }

    test(`a device state in ${fixture.name} that QEMU ${label} refuses fails with QEMU's reason, and leaves no QEMU`, async () => {
      await using dir = await tempDir()
      const stateDir = dir.join('state')
      const path = placeFixture(fixture, dir)
      const image = await readFile(path)
      const device = image.lastIndexOf('\x05i8254', undefined, 'latin1')
      assert.ok(device > 0)
      image.write('i8259', device + 1)
      await writeFile(path, image)
      const xml = { text: fixtureXml(fixture, dir, emulator, dir.join('serial')) }
      await assert.rejects(restoreDomain(path, { stateDir, xml, mode: 'load' }), {
        code: 'MIGRATION_FAILED',
        message: /8259|savevm|section/,
      })
      assert.ok(image.equals(await readFile(path)), 'the image is as it was')
      assert.deepEqual(await listDomains({ stateDir }), [])
      assert.deepEqual(await processesWith(stateDir), [])
    })

    test(`${fixture.name} for another size of memory is refused before QEMU ${label} starts`, async () => {
      await using dir = await tempDir()
      const path = placeFixture(fixture, dir)
      const bigger = (text: string): string => text.replaceAll('>16384<', '>32768<')
      const image = await readFile(path)
      const end = image.indexOf('</domain>')
      image.write(bigger(image.toString('latin1', 92, end)), 92, 'latin1')
      await writeFile(path, image)
      const xml = { text: bigger(fixtureXml(fixture, dir, emulator, dir.join('serial'))) }
      const options = { stateDir: dir.join('state'), mode: 'load', xml } as const
      await assert.rejects(restoreDomain(path, options), {
        code: 'IMAGE_INCOMPATIBLE',
      })
    })
  }
}

for (const { label, emulator } of newestQemu()) {
  test(`convertImage() reads channels that QEMU ${label} compressed, and the guest in its output continues`, async () => {
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
