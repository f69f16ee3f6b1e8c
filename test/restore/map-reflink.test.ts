import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, statfs } from 'node:fs/promises'
import { test } from 'node:test'
import { defineImage } from '../../src/domain/images/define-image.ts'
import { destroyDomain, restoreDomain, saveDomain } from '../../src/index.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { GuestConsole } from '../support/guest-console.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { isLongRun, qemus } from '../support/qemus.ts'
import { mountReflinkDisk } from '../support/reflink-disk.ts'

const MIB = 1024 * 1024
const FILLED_MIB = 48

for (const { label, emulator } of qemus().filter(({ major }) => major < 8)) {
  test(
    `QEMU ${label} maps a machine with a balloon from blocks that it shares with the image`,
    { timeout: 180_000, skip: !isLongRun() && 'long run only' },
    async (context) => {
      const mounted = await mountReflinkDisk(2048 * MIB)
      if (typeof mounted === 'string') return context.skip(mounted)
      await using disk = mounted
      const before = process.env['STASIS_TEST_DIR']
      process.env['STASIS_TEST_DIR'] = disk.path
      const starting = startLinuxDomain({ emulator, memoryMib: 192, changeXml: (xml) => xml })
      if (before === undefined) delete process.env['STASIS_TEST_DIR']
      else process.env['STASIS_TEST_DIR'] = before
      await using domain = await starting
      const { name, stateDir, dir } = domain
      const image = dir.join('image')
      {
        await using console = await domain.console()
        await console.ask(`fill ${FILLED_MIB}`, /^FILLED/)
      }
      await saveDomain(name, image, { stateDir, compression: 'none' })
      const digest = await digestOf(image)
      const free = await freeBytes(disk.path)
      const names = ['one', 'two']
      try {
        for (const clone of names) {
          const restored = await restoreDomain(image, {
            stateDir,
            mode: 'map',
            clone: { name: clone },
          })
          assert.equal(restored.mode, 'map')
        }
        assert.ok(free - (await freeBytes(disk.path)) < 32 * MIB, 'nothing was copied')
        await using one = await GuestConsole.connect(`${dir.join('serial')}.one`)
        await using two = await GuestConsole.connect(`${dir.join('serial')}.two`)
        await one.ask('write 16', /^WRITING/)
        const [, changed] = await one.ask(`fill ${FILLED_MIB} 7`, /^FILLED (\w+)/)
        assert.equal(changed, computeFillSum(FILLED_MIB, 7))
        // They no longer run from the image.
        await defineImage(image, (text) => Promise.resolve({ text }))
        const [, kept] = await two.ask('sum', /^SUM (\w+)/)
        assert.equal(kept, computeFillSum(FILLED_MIB))
        assert.match((await one.ask('quiet', /^QUIET .*/))[0], /ok$/)
        assert.equal(await digestOf(image), digest)
      } finally {
        for (const clone of names) await destroyDomain(clone, { stateDir }).catch(() => undefined)
      }
    },
  )
}

async function freeBytes(path: string): Promise<number> {
  const { bfree, bsize } = await statfs(path)
  return bfree * bsize
}

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
