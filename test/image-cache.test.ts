import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { restoreDomain, saveDomain } from '../src/index.ts'
import { addToImageCache, listImageCache, removeFromImageCache } from '../src/domain/image-cache.ts'
import { startLinuxDomain } from './support/linux-domain.ts'
import { computeFillSum } from './support/guest-memory.ts'
import { newestQemu } from './support/qemus.ts'

const FILLED_MIB = 24

for (const { label, emulator } of newestQemu()) {
  test(
    `a compressed image in the cache is mapped by QEMU ${label}`,
    { timeout: 180_000 },
    async () => {
      await using domain = await startLinuxDomain({ emulator, memoryMib: 128 })
      const { name, stateDir } = domain
      const image = domain.dir.join('image')
      {
        await using console = await domain.console()
        await console.ask(`fill ${FILLED_MIB}`, /^FILLED/)
      }
      await saveDomain(name, image, { stateDir, compression: 'zstd' })
      const [one, other] = await Promise.all([
        addToImageCache(image, { stateDir }),
        addToImageCache(image, { stateDir }),
      ])
      assert.equal(one.key, other.key)
      assert.deepEqual(await readdir(`${stateDir}/image-cache`), [one.key])
      assert.equal((await listImageCache({ stateDir })).length, 1)

      const restored = await restoreDomain(image, { stateDir, mode: 'map' })
      assert.equal(restored.mode, 'map')
      {
        await using console = await domain.console()
        const [, sum] = await console.ask('sum', /^SUM (\w+)/)
        assert.equal(sum, computeFillSum(FILLED_MIB))
        await removeFromImageCache(image, { stateDir })
        const [, again] = await console.ask('sum', /^SUM (\w+)/)
        assert.equal(again, sum, 'a guest keeps what it runs from')
      }
      assert.deepEqual(await listImageCache({ stateDir }), [])
      await assert.rejects(removeFromImageCache(image, { stateDir }), { code: 'BAD_ARGUMENT' })
      const nothing = domain.dir.join('nothing')
      await writeFile(nothing, 'x')
      await assert.rejects(addToImageCache(nothing, { stateDir }), { code: 'NOT_AN_IMAGE' })
    },
  )
}
