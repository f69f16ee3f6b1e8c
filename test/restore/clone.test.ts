import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, readdir, unlink, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { tryLock } from '../../src/io/system-calls.ts'
import { readPostcopyRecord } from '../../src/domain/store/postcopy-record.ts'
import {
  defineDomain,
  destroyDomain,
  domainInfo,
  dumpDomainXml,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { GuestConsole } from '../support/guest-console.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { pathsOf } from '../support/page-server.ts'
import { newestQemu, withQemu11 } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const FILLED_MIB = 32
const GENID = '11111111-2222-4333-8444-555555555555'

for (const { label, emulator, major, missing, skipMost } of withQemu11(newestQemu())) {
  const skip = missing ?? skipMost
  const mode = major < 9 ? 'lazy' : 'map'
  describe(`restore --clone on QEMU ${label}`, () => {
    test(
      'four clones that start at once run independently, on their own disks',
      { timeout: 180_000, skip },
      async () => {
        await using dir = await tempDir()
        const stateDir = dir.join('state')
        const serial = dir.join('serial')
        const diskPath = dir.join('disk')
        const image = dir.join('image')
        const overlays = dir.join('overlays')
        await writeFile(diskPath, Buffer.alloc(1024 * 1024))
        await mkdir(overlays)
        const serialPort = { type: 'unix', path: serial } as const
        const guest = { name: 'first', guest: 'linux', emulator, memoryMib: 128 } as const
        const xml = domainXml({ ...guest, diskPath, serial: serialPort })
        await defineDomain(xml.replace('</uuid>', `</uuid><genid>${GENID}</genid>`), { stateDir })
        const names = ['one', 'two', 'three', 'four']
        try {
          await startDomain('first', { stateDir })
          {
            await using console = await GuestConsole.connect(serial)
            await console.waitForLine(/^TICK 1$/, { timeoutMs: 60_000 })
            await console.ask(`fill ${FILLED_MIB}`, /^FILLED/)
          }
          await saveDomain('first', image, { stateDir, compression: 'none' })
          const digests = await digestsOf(image, diskPath)

          await assert.rejects(restoreDomain(image, { stateDir, mode, clone: { name: 'one' } }), {
            code: 'BAD_COMBINATION',
            hint: /--disk-overlay/,
          })
          // A clone that cannot be made releases the image.
          await writeFile(dir.join('overlays', 'one-vda.qcow2'), '')
          await assert.rejects(
            restoreDomain(image, { stateDir, mode, clone: { name: 'one', diskOverlay: overlays } }),
            { code: 'FILE_EXISTS' },
          )
          await unlink(dir.join('overlays', 'one-vda.qcow2'))
          await using file = await open(image, 'r+')
          assert.equal(tryLock(file.fd), true, 'the image is still locked')
          await file.close()

          const modes = [mode, mode, 'lazy', 'load']
          const clones = await Promise.all(
            names.map((name, at) =>
              stasis(
                stateDir,
                ...[
                  '--json',
                  'restore',
                  image,
                  '--clone',
                  name,
                  '--mode',
                  modes[at] ?? '',
                  '--disk-overlay',
                  overlays,
                ],
              ),
            ),
          )
          for (const { exitCode, stderr } of clones) assert.equal(exitCode, 0, stderr)
          const files = names.map((name) => `${name}-vda.qcow2`)
          assert.deepEqual((await readdir(overlays)).toSorted(), files.toSorted())
          const own = await Promise.all(names.map((name) => identityOf(name, stateDir)))
          const all = [
            ...own,
            ...identityIn(await readFile(`${stateDir}/domains/first.xml`, 'utf8')),
          ]
          assert.equal(new Set(all.flat()).size, all.flat().length, all.flat().join('\n'))
          await assert.rejects(
            restoreDomain(image, { stateDir, clone: { name: 'one', diskOverlay: overlays } }),
            { code: 'DOMAIN_RUNNING' },
          )
          await assert.rejects(restoreDomain(image, { stateDir, mode: 'load' }), {
            code: 'DISK_IN_USE',
            message: /Another machine uses a disk/,
          })

          await using one = await GuestConsole.connect(`${serial}.one`)
          // New content in one of them changes nothing in the others.
          const [, changed] = await one.ask(`fill ${FILLED_MIB} 7`, /^FILLED (\w+)/)
          assert.equal(changed, computeFillSum(FILLED_MIB, 7))
          for (const name of names.slice(1)) {
            await using console = await GuestConsole.connect(`${serial}.${name}`)
            const [, kept] = await console.ask('sum', /^SUM (\w+)/)
            assert.equal(kept, computeFillSum(FILLED_MIB), name)
          }
          // The guests have written their ticks to their overlays meanwhile.
          assert.deepEqual(await digestsOf(image, diskPath), digests)

          // Their overlays are backed by the disk that the original would write to.
          for (const each of ['lazy', 'load'] as const) {
            await assert.rejects(restoreDomain(image, { stateDir, mode: each }), {
              code: 'DISK_IN_USE',
              message: /Failed to get "write" lock/,
            })
            assert.equal((await domainInfo('first', { stateDir })).state, 'shut off')
            assert.equal(await readPostcopyRecord(pathsOf({ name: 'first', stateDir })), undefined)
          }
          for (const name of names) await destroyDomain(name, { stateDir })
          await restoreDomain(image, { stateDir, mode: 'load' })
          {
            await using console = await GuestConsole.connect(serial)
            for (let ticks = 0; ticks < 2; ticks += 1) await console.waitForLine(/^TICK/)
          }
          await destroyDomain('first', { stateDir })
          await assert.rejects(
            restoreDomain(image, { stateDir, clone: { name: 'five', diskOverlay: overlays } }),
            { code: 'IMAGE_STALE', message: /its disk vda \(.*disk\) was written to/ },
          )
          assert.equal(existsSync(dir.join('overlays', 'five-vda.qcow2')), false)
        } finally {
          for (const name of ['first', 'five', ...names])
            await destroyDomain(name, { stateDir }).catch(() => undefined)
        }
      },
    )
  })
}

/** The values that no two machines may share. */
async function identityOf(name: string, stateDir: string): Promise<readonly string[]> {
  const found = identityIn(await dumpDomainXml(name, { stateDir }))
  assert.equal(found.length, 4, `${name}: ${found.join(' ')}`)
  return found
}

function identityIn(xml: string): readonly string[] {
  return [
    /<uuid>(.*)<\/uuid>/,
    /<genid>(.*)<\/genid>/,
    /<mac address=['"]([^'"]+)/,
    /<serial[^]*?path=['"]([^'"]+)/,
  ].flatMap((pattern) => pattern.exec(xml)?.[1] ?? [])
}

async function digestsOf(...paths: readonly string[]): Promise<readonly string[]> {
  const contents = await Promise.all(paths.map((path) => readFile(path)))
  return contents.map((bytes) => createHash('sha256').update(bytes).digest('hex'))
}
