import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SAVE_FORMATS } from '../../image/format-table.ts'
import { resolveSaveOptions } from './save-options.ts'

test('resolveSaveOptions() follows the traits of each format', () => {
  const resolved = Object.fromEntries(
    SAVE_FORMATS.map((format) => {
      const { channels, codec, multifdCompression, direct } = resolveSaveOptions({ format })
      return [format, [channels, codec, multifdCompression, direct]]
    }),
  )
  const stream = [0, 'none', 'none', false]
  assert.deepEqual(resolved, {
    stasis: [2, 'zstd', 'none', true],
    channels: [2, 'none', 'none', false],
    sparse: [2, 'none', 'none', true],
    ...{ raw: stream, gzip: stream, bzip2: stream, xz: stream, lzop: stream, zstd: stream },
  })
})

test('resolveSaveOptions() uses a compression as ours or as QEMU’s, by the format', () => {
  const compressions = (format: 'stasis' | 'channels'): unknown => {
    const { codec, multifdCompression } = resolveSaveOptions({ format, compression: 'zlib' })
    return { codec, multifdCompression }
  }
  assert.deepEqual(compressions('stasis'), { codec: 'zlib', multifdCompression: 'none' })
  assert.deepEqual(compressions('channels'), { codec: 'none', multifdCompression: 'zlib' })
})

test('resolveSaveOptions() checks the levels of each method', () => {
  const least = { stasis: -7, channels: 1, zstd: -7 } as const
  for (const [format, level] of Object.entries(least)) {
    const request = {
      format: format as keyof typeof least,
      ...(format !== 'zstd' && { compression: 'zstd' as const }),
    }
    assert.equal(
      resolveSaveOptions({ ...request, compressionLevel: level }).compressionLevel,
      level,
    )
    assert.throws(() => resolveSaveOptions({ ...request, compressionLevel: level - 1 }), {
      code: 'BAD_ARGUMENT',
    })
  }
  assert.throws(() => resolveSaveOptions({ format: 'xz', compressionLevel: 10 }), {
    message: 'The level of xz must be between 0 and 9, got 10',
  })
})

test('resolveSaveOptions() refuses features that a format lacks', () => {
  const refused = [
    { format: 'raw', channels: 2 },
    { format: 'gzip', compression: 'zstd' },
    { format: 'sparse', compression: 'zlib' },
    { format: 'sparse', compressionLevel: 1 },
    { format: 'channels', compressionLevel: 1 },
  ] as const
  for (const request of refused)
    assert.throws(() => resolveSaveOptions(request), { code: 'BAD_COMBINATION' })
})
