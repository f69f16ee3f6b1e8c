import { test } from 'node:test'
import { interleave } from '../support/interleavings.ts'

test('concurrent commands leave one newest state (short)', { timeout: 300_000 }, async () => {
  await interleave({ rounds: 8, seed: 20_261_123, lanes: 2 })
})
