import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { koffi } from '../koffi.ts'
import { HUGE_PAGE, collapse, hugePagesIn } from './collapse.ts'
import { allocateAligned } from './aligned-memory.ts'

test('hugePagesIn() has the huge pages that lie in a range as a whole', () => {
  assert.deepEqual(hugePagesIn({ address: 4096, length: 3 * HUGE_PAGE }), [
    HUGE_PAGE,
    2 * HUGE_PAGE,
  ])
  assert.deepEqual(hugePagesIn({ address: 4096, length: HUGE_PAGE }), [])
  assert.deepEqual(hugePagesIn({ address: HUGE_PAGE, length: HUGE_PAGE }), [HUGE_PAGE])
})

test('collapse() makes huge pages of memory, whose content stays, and none in a process that is gone', () => {
  const bytes = allocateAligned(8 * HUGE_PAGE - 65536)
  bytes.fill(7)
  const starts = hugePagesIn({ address: Number(koffi().address(bytes)), length: bytes.length })
  const [major = 0, minor = 0] = readFileSync('/proc/sys/kernel/osrelease', 'latin1')
    .split('.')
    .map(Number)
  const isOld = major < 6 || (major === 6 && minor < 1)
  const made = collapse(process.pid, starts)
  assert.equal(made, isOld ? 0 : starts.length)
  assert.ok(bytes.every((byte) => byte === 7))
  assert.equal(collapse(2 ** 22 - 1, starts), 0)
})
