import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePageOrder } from './page-order.ts'

test('parsePageOrder() leaves out ranges that are not in their block', () => {
  const blocks = [{ name: 'pc.ram', length: 64 * 4096, linearOffset: 0 }]
  const lines = ['0 64 pc.ram', '60 5 pc.ram', '8192 1 pc.ram', '63 1 pc.ram', '1 1 other']
  const text = ['stasis page order 1', 'machine', ...lines].join('\n')
  assert.deepEqual(parsePageOrder(text, 'machine', blocks), [
    { block: 0, firstPage: 0, pageCount: 64 },
    { block: 0, firstPage: 63, pageCount: 1 },
  ])
})
