import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { deflateSync, zstdCompressSync } from 'node:zlib'
import { allocateAligned } from './aligned-memory.ts'
import { decompress, makeDecompressor, portable } from './decompress.ts'

const pages = Buffer.concat([randomBytes(30_000), Buffer.alloc(35_536, 'a page ')])

const inTurn = makeDecompressor()

/** The functions share one signature, so that one test covers them all. */
const ways: Record<string, (...piece: Parameters<typeof decompress>) => Promise<number>> = {
  'decompress()': decompress,
  'makeDecompressor()': async (...piece) => inTurn(...piece),
  'portable.decompress()': portable.decompress,
  'portable.decompressSync()': async (...piece) => portable.decompressSync(...piece),
}

for (const [name, run] of Object.entries(ways)) {
  for (const [codec, compress] of [
    ['zstd', zstdCompressSync],
    ['zlib', deflateSync],
  ] as const) {
    test(`${name} gives the bytes back when ${codec} took them`, async () => {
      const target = allocateAligned(65536)
      assert.equal(await run(codec, compress(pages), target), 65536)
      assert.deepEqual(Buffer.from(target), pages)
    })

    test(`${name} says how many there are when ${codec} holds fewer`, async () => {
      const target = new Uint8Array(65536)
      assert.equal(await run(codec, compress(pages.subarray(0, 8192)), target), 8192)
    })

    test(`${name} rejects when ${codec} holds more than fit, and leaves what is behind alone`, async () => {
      const target = new Uint8Array(65536)
      await assert.rejects(run(codec, compress(pages), target.subarray(0, 65535)))
      assert.equal(target[65535], 0)
    })

    test(`${name} rejects when ${codec} data are damaged`, async () => {
      const stored = compress(pages)
      const target = new Uint8Array(65536)
      await assert.rejects(run(codec, stored.subarray(0, -5), target))
      await assert.rejects(run(codec, randomBytes(100), target))
      await assert.rejects(
        run(codec, new Uint8Array(0), target).then((n) => assert.ok(n === 65536)),
      )
    })
  }
}
