import assert from 'node:assert/strict'
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { test } from 'node:test'
import { restoreDomain, saveDomain } from '../../src/index.ts'
import {
  addToImageCache,
  listImageCache,
  removeFromImageCache,
} from '../../src/domain/restore/image-cache.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { damage, findParts } from '../support/image-damage.ts'
import { newestQemu, withQemu11 } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

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
      // A process that was killed while it built an entry leaves this.
      await mkdir(`${stateDir}/image-cache/.new-dead`, { recursive: true })
      await writeFile(`${stateDir}/image-cache/.new-dead/lock`, '')
      const copy = domain.dir.join('copy')
      await copyFile(image, copy)
      const added = await Promise.all(
        [image, copy, image].map((path) => stasis(stateDir, '--json', 'image-cache', 'add', path)),
      )
      const keys = added.map(({ stdout }) => (JSON.parse(stdout) as { key: string }).key)
      const [key = ''] = keys
      assert.deepEqual(keys, [key, key, key])
      assert.deepEqual(await readdir(`${stateDir}/image-cache`), [key])

      const restored = await stasis(stateDir, 'restore', image, '--mode', 'map', '--verbose')
      assert.match(restored.stdout, /^Mode: +map: it was asked for$/m)
      assert.match(restored.stdout, /^Devices loaded: after /m)
      {
        await using console = await domain.console()
        const [, sum] = await console.ask('sum', /^SUM (\w+)/)
        assert.equal(sum, computeFillSum(FILLED_MIB))
        const { stdout } = await stasis(stateDir, 'image-cache', 'list')
        const [shown = ''] = stdout.split(' ')
        assert.equal(shown, key.slice(0, 12))
        assert.equal((await stasis(stateDir, 'image-cache', 'remove', shown)).exitCode, 0)
        const [, again] = await console.ask('sum', /^SUM (\w+)/)
        assert.equal(again, sum, 'a guest keeps what it runs from')
      }
      assert.deepEqual(await listImageCache({ stateDir }), [])
      await assert.rejects(removeFromImageCache(image, { stateDir }), { code: 'BAD_ARGUMENT' })
      await addToImageCache(relative(process.cwd(), image), { stateDir })
      await removeFromImageCache(image, { stateDir })
      await assert.rejects(addToImageCache(image, { stateDir, signal: AbortSignal.timeout(30) }), {
        code: 'CANCELLED',
      })
      const { frames } = await findParts(image)
      await damage(image, frames.at(-1)?.offset ?? 0)
      await damage(image, frames.find(({ block }) => block === 'pc.ram')?.offset ?? 0)
      await assert.rejects(addToImageCache(image, { stateDir }), { code: 'IMAGE_CORRUPT' })
      assert.deepEqual(await readdir(`${stateDir}/image-cache`), [])
      const nothing = domain.dir.join('nothing')
      await writeFile(nothing, 'x')
      await assert.rejects(addToImageCache(nothing, { stateDir }), { code: 'NOT_AN_IMAGE' })
    },
  )
}

test('the image cache respects its limit and evicts the least recently used entry', async () => {
  await using domain = await startTinyDomain()
  const { name, stateDir, log } = domain
  const images = ['a', 'b', 'c'].map((letter) => domain.dir.join(letter))
  for (const image of images) {
    await log.advance(2)
    await saveDomain(name, image, { stateDir, compression: 'zstd' })
    await restoreDomain(image, { stateDir, mode: 'load' })
  }
  const [a = '', b = '', c = ''] = images
  const percents: number[] = []
  const { allocatedBytes } = await addToImageCache(a, {
    stateDir,
    onProgress: ({ phase, percent }) => {
      assert.equal(phase, 'reading')
      percents.push(percent)
    },
  })
  assert.deepEqual([percents[0], percents.at(-1)], [0, 100])
  assert.ok(allocatedBytes > 0)
  await addToImageCache(b, { stateDir })
  // Used again: now b is the oldest.
  await addToImageCache(a, { stateDir })
  await addToImageCache(c, { stateDir, limitBytes: 2.5 * allocatedBytes })
  const left = (await listImageCache({ stateDir })).map(({ image }) => image)
  assert.deepEqual(left, [c, a])
  // A new entry stays even if it is too large.
  await addToImageCache(b, { stateDir, limitBytes: 1 })
  assert.deepEqual(
    (await listImageCache({ stateDir })).map(({ image }) => image),
    [b],
  )
})
