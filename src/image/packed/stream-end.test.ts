import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { END_LENGTH, lacksEnd } from './stream-end.ts'

function ends(bytes: Buffer): [first: Buffer, last: Buffer] {
  return [bytes.subarray(0, END_LENGTH), bytes.subarray(-END_LENGTH)]
}

for (const format of ['xz', 'bzip2', 'lzop'] as const) {
  test(`lacksEnd() distinguishes a truncated ${format} stream from a complete one`, () => {
    // bzip2 ends at any bit of a byte, as its content has it.
    for (let length = 1; length < 40; length += 1) {
      const input = Buffer.alloc(length * 97, `content ${length}`)
      const { stdout } = spawnSync(format, ['-c'], { input })
      assert.ok(stdout.length > END_LENGTH)
      assert.equal(lacksEnd(format, ...ends(stdout)), false, `${length}`)
      // The bytes before the end of an lzop stream may be zero, too.
      for (const cut of format === 'lzop' ? [5, 20] : [1, 2, 5, 20])
        assert.equal(lacksEnd(format, ...ends(stdout.subarray(0, -cut))), true, `${length}, ${cut}`)
    }
  })
}

test('lacksEnd() does not call data cut that never were of their format', () => {
  const other = Buffer.alloc(100, 'x')
  for (const format of ['xz', 'bzip2', 'lzop', 'gzip', 'zstd'] as const)
    assert.equal(lacksEnd(format, ...ends(other)), false)
})
