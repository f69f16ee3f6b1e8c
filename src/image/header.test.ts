import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '../io/crc32c.ts'
import { parseHeader, serialiseHeader } from './header.ts'
test('parseHeader() refuses a length of the file beyond 2^53, which could not be written again', () => {
  const extension = { channels: 1, compression: 'zstd', fileLength: 1, areaCrc: 0 } as const
  const bytes = Buffer.from(
    serialiseHeader({
      ...{ complete: true, dataLength: 9, wasRunning: true, cookieOffset: 0 },
      ...{ format: 'stasis', extension },
    }),
  )
  bytes.writeBigUInt64LE(2n ** 64n - 1n, 48)
  bytes.writeUInt32LE(crc32c(bytes.subarray(16, 88)), 88)
  assert.throws(() => parseHeader(bytes, 'image'), { code: 'IMAGE_CORRUPT', offset: 48 })
})
