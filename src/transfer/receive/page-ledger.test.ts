import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PageLedger } from './page-ledger.ts'

const blocks = [
  { name: 'pc.ram', length: 100 * 4096 },
  { name: 'rom', length: 4096 },
]

test('PageLedger counts stored and zero pages', () => {
  const ledger = new PageLedger(blocks)
  ledger.store(0, 31, 3)
  ledger.zero(0, 50, 10)
  ledger.zero(0, 55, 10)
  assert.equal(ledger.storedBytes, 3 * 4096)
  assert.equal(ledger.zeroBytes, 15 * 4096)
  assert.equal(ledger.ramBytes, 101 * 4096)
  assert.ok(ledger.isStored(0, 33))
  assert.ok(!ledger.isStored(0, 34))
})

test('PageLedger.store() throws when a page arrives twice', () => {
  const ledger = new PageLedger(blocks)
  ledger.store(0, 10, 5)
  assert.throws(() => ledger.store(0, 14, 1), {
    code: 'QEMU_STREAM',
    message: /page 14 of RAM block "pc.ram" twice/,
  })
})

test('PageLedger throws for pages outside the block and for unknown blocks', () => {
  const ledger = new PageLedger(blocks)
  assert.throws(() => ledger.store(1, 1, 1), { code: 'QEMU_STREAM' })
  assert.throws(() => ledger.zero(0, 99, 2), { code: 'QEMU_STREAM' })
  assert.throws(() => ledger.position('vga'), { code: 'QEMU_STREAM' })
})

test('PageLedger.missing() names the first page that did not come', () => {
  const ledger = new PageLedger([
    { name: 'a', length: 4 * 4096 },
    { name: 'b', length: 4096 },
  ])
  assert.equal(ledger.missing(), 'page 0 of RAM block "a"')
  ledger.store(0, 0, 2)
  ledger.zero(0, 3, 1)
  assert.equal(ledger.missing(), 'page 2 of RAM block "a"')
  ledger.zero(0, 2, 1)
  assert.equal(ledger.missing(), 'page 0 of RAM block "b"')
  ledger.store(1, 0, 1)
  assert.equal(ledger.missing(), undefined)
})
