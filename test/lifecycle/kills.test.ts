import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kill, killTable } from '../support/kills.ts'

test(
  'whatever is killed, the guest runs or its image is complete (short)',
  { timeout: 120_000 },
  async () => {
    const lines: string[] = []
    const options = { rounds: 8, seed: 20_261_128, seconds: 15 }
    const rows = await kill({ ...options, onLine: (line) => lines.push(line) })
    const text = `${lines.join('\n')}\n${killTable(rows)}`
    assert.ok(
      rows.some(({ tried }) => tried > 0),
      text,
    )
    assert.equal(
      rows.reduce((sum, { wrong, lost }) => sum + wrong + lost, 0),
      0,
      text,
    )
  },
)
