import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPERATIONS } from '../support/faults/operations.ts'
import { Random } from '../support/random.ts'
import { tryFaults } from '../support/faults/try-faults.ts'
import { oldestQemu } from '../support/qemus.ts'

/** `STASIS_SEED` repeats a run. */
const SEED = Number(process.env['STASIS_SEED'] ?? Date.now() % 1_000_000)

/** The whole of it is `npm run test:faults`. */
const SAMPLED_OPERATIONS = 6
const FAULTS_EACH = 3
const MOST_MS = 20_000

test(
  `a sample of planned faults loses nothing (STASIS_SEED=${SEED})`,
  { timeout: 300_000 },
  async (t) => {
    const [{ label, major, emulator } = { label: '', major: 0, emulator: '' }] = oldestQemu()
    const deadlineMs = performance.now() + MOST_MS
    const random = new Random(SEED)
    const possible = OPERATIONS.filter(({ sinceQemu = 0 }) => major >= sinceQemu)
    let faults = 0
    for (const operation of new Random(SEED).shuffled(possible).slice(0, SAMPLED_OPERATIONS)) {
      if (performance.now() > deadlineMs) break
      const texts: string[] = []
      const row = await tryFaults(operation, emulator, {
        oneEach: false,
        deadlineMs,
        choose: (trials) => random.shuffled(trials).slice(0, FAULTS_EACH),
        report: (text) => texts.push(text),
      })
      faults += row.faults
      assert.equal(row.lost, 0, texts.join('\n'))
      assert.ok(row.places > 10, `${operation.name}: the layer sees the calls`)
      t.diagnostic(
        `QEMU ${label}: ${operation.name}: ${row.places} places, ${row.faults} faults, ${row.survived} survived, ${row.refused} refused`,
      )
    }
    assert.ok(faults > 0)
  },
)
