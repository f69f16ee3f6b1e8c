import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { restoreDomain, saveDomain } from '../src/index.ts'
import { addToImageCache, listImageCache, removeFromImageCache } from '../src/domain/image-cache.ts'
import { startLinuxDomain } from './support/linux-domain.ts'
import { computeFillSum } from './support/guest-memory.ts'
import { newestQemu, withQemu11 } from './support/qemus.ts'
import { startTinyDomain } from './support/tiny-domain.ts'

const FILLED_MIB = 24

for (const { label, emulator, missing, skipMost } of withQemu11(newestQemu())) {
  const skip = missing ?? skipMost
  test(
    `a compressed image in the cache is mapped by QEMU ${label}`,
    { timeout: 180_000, skip },
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

test('the image cache keeps to its limit and lets go of what was not used for longest', async () => {
  await using domain = await startTinyDomain()
  const { name, stateDir, log } = domain
  const images = ['a', 'b', 'c'].map((letter) => domain.dir.join(letter))
  for (const image of images) {
    await log.advance(2)
    await saveDomain(name, image, { stateDir, compression: 'zstd' })
    await restoreDomain(image, { stateDir, mode: 'load' })
  }
  const [a = '', b = '', c = ''] = images
  const { allocatedBytes } = await addToImageCache(a, { stateDir })
  assert.ok(allocatedBytes > 0)
  await addToImageCache(b, { stateDir })
  // Used again: now b is the oldest.
  await addToImageCache(a, { stateDir })
  await addToImageCache(c, { stateDir, limitBytes: 2.5 * allocatedBytes })
  const left = (await listImageCache({ stateDir })).map(({ image }) => image)
  assert.deepEqual(left, [c, a])
  // What was just added stays even when it is too large.
  await addToImageCache(b, { stateDir, limitBytes: 1 })
  assert.deepEqual(
    (await listImageCache({ stateDir })).map(({ image }) => image),
    [b],
  )
})
