import { test } from 'node:test'
import { interleave } from './support/interleavings.ts'

test('concurrent commands leave one newest state (short)', { timeout: 300_000 }, async () => {
  await interleave(8, 20_261_123)
})
