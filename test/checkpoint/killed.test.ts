import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killCheckpoints } from '../support/checkpoint-kills.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'

const skip = isLongRun() ? false : 'long run only'

for (const { label, emulator } of newestQemu())
  test(
    `whatever is killed during an act on checkpoints, nothing is lost, QEMU ${label}`,
    { skip },
    async (t) => {
      const seed = Number(process.env['STASIS_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
      t.diagnostic(`STASIS_SEED=${seed}`)
      const lines: string[] = []
      const onLine = (line: string): void => void lines.push(line)
      const faults = await killCheckpoints({ rounds: 40, seed, emulator, seconds: 600, onLine })
      assert.deepEqual(faults, [], lines.join('\n'))
      assert.ok(lines.length > 3, 'there were rounds')
    },
  )
