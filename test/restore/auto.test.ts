import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { waitForAllMemory } from '../../src/domain/store/postcopy-state.ts'
import { destroyDomain, saveDomain } from '../../src/index.ts'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { computeFillSum } from '../support/guest-memory.ts'
import { startLinuxDomain } from '../support/linux-domain.ts'
import { pathsOf } from '../support/page-server.ts'
import { isLongRun, qemus } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'

/** Even compressed, this is too much for `auto` to choose `load`. */
const FILLED_MIB = 256

for (const { label, emulator, major } of qemus()) {
  test(
    `restore --verbose shows which mode it used on QEMU ${label}, and why`,
    { timeout: 300_000, skip: !isLongRun() && 'long run only' },
    async () => {
      await using domain = await startLinuxDomain({ emulator, memoryMib: 400 })
      const { name, stateDir, dir } = domain
      const image = dir.join('image')
      {
        await using console = await domain.console()
        await console.ask(`fill ${FILLED_MIB}`, /^FILLED/, { timeoutMs: 90_000 })
      }
      await saveDomain(name, image, { stateDir })
      /** Restores it as a user does, asserts that the image does not change and the memory is right, and ends it. */
      const restored = async (file: string, ...flags: readonly string[]): Promise<string> => {
        const digest = await digestOf(file)
        const { stdout, stderr } = await stasis(stateDir, 'restore', file, '--verbose', ...flags)
        const [, mode] = /^Mode: +(.*)$/m.exec(stdout) ?? assert.fail(stdout + stderr)
        assert.match(stdout, /^QEMU started: +[\d.]+ m?s$/m)
        assert.match(stdout, /^Guest running: +after [\d.]+ m?s$/m)
        {
          await using console = await domain.console()
          const [, sum] = await console.ask('sum', /^SUM (\w+)/)
          assert.equal(sum, computeFillSum(FILLED_MIB), mode)
        }
        await waitForAllMemory(name, pathsOf(domain), undefined)
        await destroyDomain(name, { stateDir })
        assert.equal(await digestOf(file), digest)
        return mode ?? ''
      }

      assert.equal(
        await restored(image),
        'lazy: no map: the image is compressed and not in the cache',
      )
      assert.equal(await restored(image, '--mode', 'load'), 'load: it was asked for')
      await stasis(stateDir, 'image-cache', 'add', image)
      assert.equal(await restored(image), 'map: the memory is uncompressed in a file')
      await stasis(stateDir, 'image-cache', 'remove', image)

      const plain = dir.join('plain')
      await convertImage(image, plain, { stateDir, compression: 'none' })
      assert.equal(await restored(plain), 'lazy: no map: its checksums would not be checked')
      const sparse = dir.join('sparse')
      await convertImage(image, sparse, { stateDir, format: 'sparse' })
      const mapped = await restored(sparse)
      if (major >= 9) assert.equal(mapped, 'map: the memory is uncompressed in a file')
      else
        assert.match(mapped, /^lazy: no map: QEMU before 8\.1 cannot take memory from the middle/)
      const raw = dir.join('raw')
      await convertImage(image, raw, { stateDir, format: 'raw' })
      assert.equal(
        await restored(raw),
        'load: no map: an image of format raw is one stream; no lazy: pages of an image of format raw cannot be read one by one',
      )
    },
  )
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
