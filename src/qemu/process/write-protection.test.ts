import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canPermitWrites, permitWrites, rangesIn } from './write-protection.ts'

const SMAPS = `7f0000000000-7f0000200000 rw-p 00000000 00:00 0
Size:               2048 kB
VmFlags: rd wr mr mw me ac uw
7f0000200000-7f0000300000 rw-p 00000000 00:00 0                          [heap] uw
VmFlags: rd wr mr mw me ac
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
VmFlags: ex um
7f0000400000-7f0000401000 rw-s 00000000 00:01 7                          /memfd:x (deleted)
VmFlags: rd wr sh mr mw me ms uw sd
`

test('rangesIn() finds the ranges whose writes are watched', () => {
  assert.deepEqual(rangesIn(SMAPS), [
    { start: 0x7f0000000000n, end: 0x7f0000200000n },
    { start: 0x7f0000400000n, end: 0x7f0000401000n },
  ])
  assert.deepEqual(rangesIn(''), [])
})

test('permitWrites() does nothing for a process that watches no writes, or is gone', async () => {
  assert.equal(await permitWrites(process.pid), 0)
  assert.equal(await permitWrites(2 ** 22 + 1), 0)
  assert.equal(await canPermitWrites(2 ** 22 + 1), false)
})
