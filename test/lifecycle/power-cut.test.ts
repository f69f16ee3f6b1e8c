import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PowerExtent, cutPowerIn } from '../support/faults/cut-power.ts'
import { POWER_OPERATIONS, type PowerOperation } from '../support/faults/power-operations.ts'
import { isLongRun, oldestQemu } from '../support/qemus.ts'

/** `STASIS_SEED` repeats a run. */
const SEED = Number(process.env['STASIS_SEED'] ?? Date.now() % 1_000_000)

/** The whole of it is `npm run test:faults -- --power`. */
const SHORT: ReadonlySet<string> = new Set(['save stasis', 'define'])

const [{ label, major, emulator } = { label: '', major: 0, emulator: '' }] = oldestQemu()

function extent(texts: string[], more: Partial<PowerExtent>): PowerExtent {
  const report = (text: string): void => void texts.push(text)
  const deadlineMs = performance.now() + 60_000
  return { seed: SEED, choices: 3, maxUsed: 2, deadlineMs, report, ...more }
}

function named(name: string): PowerOperation {
  const operation = POWER_OPERATIONS.find((one) => one.name === name)
  assert.ok(operation !== undefined)
  return operation
}

for (const operation of POWER_OPERATIONS) {
  if (major < (operation.sinceQemu ?? 0) || (!isLongRun() && !SHORT.has(operation.name))) continue
  test(
    `a power cut at any moment of ${operation.name} leaves the older or the newer, on QEMU ${label} (STASIS_SEED=${SEED})`,
    { timeout: 300_000 },
    async (t) => {
      const texts: string[] = []
      const row = await cutPowerIn(
        operation,
        emulator,
        extent(texts, isLongRun() ? { maxUsed: 40 } : {}),
      )
      assert.equal(row.lost, 0, texts.join('\n'))
      assert.ok(row.used > 0)
      t.diagnostic(
        `${row.changes} changes, ${row.cuts} power cuts, ${row.disks} disks, ${row.used} of them used`,
      )
    },
  )
}

test(
  'the replay of a power cut finds a save and a definition without their syncs',
  { timeout: 300_000 },
  async () => {
    for (const name of isLongRun() ? ['save stasis', 'define'] : ['define']) {
      const texts: string[] = []
      const row = await cutPowerIn(
        named(name),
        emulator,
        extent(texts, { withoutSyncs: true, maxUsed: 0 }),
      )
      assert.ok(row.lost > 0, name)
      assert.match(texts.join('\n'), /neither the older nor the newer one|still the older one/)
    }
  },
)
