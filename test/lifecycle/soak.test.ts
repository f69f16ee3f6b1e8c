import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestQemu } from '../support/qemus.ts'
import { soak } from '../support/soak/soak.ts'

for (const qemu of newestQemu()) {
  test(
    `a guest that works goes on over saves and restores in turn, on QEMU ${qemu.label} (short)`,
    { timeout: 300_000 },
    async () => {
      const { rounds, diskTurns } = await soak(qemu, { rounds: 2, seed: 20_261_128 })
      assert.equal(rounds.length, 2)
      assert.ok(diskTurns > 3)
    },
  )
}
