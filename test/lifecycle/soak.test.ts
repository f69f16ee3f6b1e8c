import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestQemu } from '../support/qemus.ts'
import { soak } from '../support/soak/soak.ts'

/** Of the first rounds: a lazy restore, and a map of a managed save. Without a compressor that takes longer than the rest of the test. */
const SEED = 1246

for (const qemu of newestQemu()) {
  test(
    `a guest that works goes on over saves and restores in turn, on QEMU ${qemu.label} (short)`,
    { timeout: 300_000 },
    async () => {
      const { rounds, diskTurns } = await soak(qemu, { rounds: 2, seed: SEED })
      assert.equal(rounds.length, 2)
      assert.ok(diskTurns > 3)
    },
  )
}
