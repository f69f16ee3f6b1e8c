import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { crc32c } from './crc32c.ts'

test('crc32c() is that of RFC 3720', () => {
  assert.equal(crc32c('123456789'), 0xe3069283)
  assert.equal(crc32c('6789', crc32c('12345')), 0xe3069283)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
})

// Version 1.10.8 of the package was as slow as zlib's (notes/node/loading.md).
test(
  'crc32c() is much faster than the checksum of zlib when the processor has an instruction for it',
  { skip: process.arch !== 'x64' },
  () => {
    const bytes = new Uint8Array(1024 * 1024).fill(3)
    assert.ok(leastMs(() => crc32c(bytes)) * 2 < leastMs(() => crc32(bytes)))
  },
)

/** The time of the fastest of many calls: the others may have waited for a processor. */
function leastMs(call: () => void): number {
  const times = Array.from({ length: 200 }, () => {
    const startMs = performance.now()
    call()
    return performance.now() - startMs
  })
  return Math.min(...times)
}
