import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { allocateAligned } from '../memory/aligned-memory.ts'
import type { Codec } from './codec-table.ts'
import { CODECS } from './codec-table.ts'
import type { CodecMethods } from './codec.ts'
import { portableZlib } from './zlib.ts'
import { portableZstd } from './zstd.ts'

const pages = Buffer.concat([randomBytes(30_000), Buffer.alloc(35_536, 'a page ')])

/** Another program's view of each codec. */
const REFERENCES: Readonly<
  Record<
    Codec,
    {
      readonly portable: CodecMethods
      readonly compress: (bytes: Uint8Array) => Uint8Array
      readonly decompress: (bytes: Uint8Array) => Uint8Array
    }
  >
> = {
  zlib: { portable: portableZlib, compress: deflateSync, decompress: inflateSync },
  zstd: { portable: portableZstd, compress: zstdCompressSync, decompress: zstdDecompressSync },
}

for (const [codec, reference] of Object.entries(REFERENCES)) {
  for (const [kind, methods] of [
    ['', CODECS[codec as Codec]],
    ['portable ', reference.portable],
  ] as const) {
    const name = `${kind}${codec}`

    test(`${name}: makeCompressor() produces data that Node decompresses, piece after piece`, () => {
      const compressor = methods.makeCompressor()
      const target = new Uint8Array(70_000)
      for (const level of methods.ladder) {
        const length = compressor.compress(pages, target, level)
        assert.ok(length !== undefined && length < 40_000)
        assert.deepEqual(reference.decompress(target.subarray(0, length)), pages)
      }
      assert.equal(compressor.compress(pages, new Uint8Array(5_000), 1), undefined)
    })

    test(`${name}: makePoolCompressor() produces data that Node decompresses, several at the same time`, async () => {
      const results = [1, 1, 3].map(async (level) => {
        using compressor = methods.makePoolCompressor()
        const target = new Uint8Array(70_000)
        for (let round = 0; round < 3; round += 1) {
          const length = await compressor.compress(pages, target, level)
          assert.deepEqual(reference.decompress(target.subarray(0, length)), pages)
        }
        assert.equal(await compressor.compress(pages, new Uint8Array(5_000), level), undefined)
      })
      await Promise.all(results)
    })

    const inTurn = methods.makeDecompressor()
    const ways: Record<string, CodecMethods['decompress']> = {
      'decompress()': (stored, target) => methods.decompress(stored, target),
      'makeDecompressor()': async (stored, target) => inTurn(stored, target),
    }
    for (const [way, run] of Object.entries(ways)) {
      test(`${name}: ${way} returns the original bytes`, async () => {
        const target = allocateAligned(65536)
        assert.equal(await run(reference.compress(pages), target), 65536)
        assert.deepEqual(Buffer.from(target), pages)
      })

      test(`${name}: ${way} returns the length when the result is shorter than the target`, async () => {
        const target = new Uint8Array(65536)
        assert.equal(await run(reference.compress(pages.subarray(0, 8192)), target), 8192)
      })

      test(`${name}: ${way} rejects a result that does not fit, and does not write beyond the target`, async () => {
        const target = new Uint8Array(65536)
        await assert.rejects(run(reference.compress(pages), target.subarray(0, 65535)))
        assert.equal(target[65535], 0)
      })

      test(`${name}: ${way} rejects damaged data`, async () => {
        const stored = reference.compress(pages)
        const target = new Uint8Array(65536)
        await assert.rejects(run(stored.subarray(0, -5), target))
        await assert.rejects(run(randomBytes(100), target))
        await assert.rejects(run(new Uint8Array(0), target).then((n) => assert.ok(n === 65536)))
      })
    }
  }
}
