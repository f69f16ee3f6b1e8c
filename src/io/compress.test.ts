import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { inflateSync, zstdDecompressSync } from 'node:zlib'
import { makeCompressor, makePoolCompressor } from './compress.ts'

const pages = Buffer.concat([randomBytes(10_000), Buffer.alloc(55_536, 'a page ')])

for (const [codec, decompress] of [
  ['zlib', inflateSync],
  ['zstd', zstdDecompressSync],
] as const) {
  test(`makeCompressor() gives ${codec} that Node takes, piece after piece`, () => {
    const compressor = makeCompressor(codec)
    const target = new Uint8Array(70_000)
    for (const level of [1, 3]) {
      const length = compressor.compress(pages, target, level)
      assert.ok(length !== undefined && length < 20_000)
      assert.deepEqual(decompress(target.subarray(0, length)), pages)
    }
  })

  test(`makePoolCompressor() gives ${codec} that Node takes, several at the same time`, async () => {
    const results = [1, 1, 3].map(async (level) => {
      using compressor = makePoolCompressor(codec)
      const target = new Uint8Array(70_000)
      for (let round = 0; round < 3; round += 1) {
        const length = await compressor.compress(pages, target, level)
        assert.deepEqual(decompress(target.subarray(0, length)), pages)
      }
      assert.equal(await compressor.compress(pages, new Uint8Array(5_000), level), undefined)
    })
    await Promise.all(results)
  })

  test(`makeCompressor() gives undefined when ${codec} does not fit`, () => {
    assert.equal(makeCompressor(codec).compress(pages, new Uint8Array(5_000), 1), undefined)
  })
}
