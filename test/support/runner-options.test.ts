import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const RUNNERS = [
  'support/kills.ts',
  'support/fault-table.ts',
  'support/interleavings.ts',
  'support/soak/main.ts',
  'fuzz/main.ts',
  'machines/run.ts',
]

test('a runner prints its usage for --help and for a mistake, and no stack trace', () => {
  for (const file of RUNNERS)
    for (const [argument, exitCode] of [
      ...(file === 'support/kills.ts' ? ([['--help', 0]] as const) : []),
      ['--frob', 2],
    ] as const) {
      const script = join(import.meta.dirname, '..', file)
      const argv = ['--disable-warning=ExperimentalWarning', script, argument]
      const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
      assert.equal(status, exitCode, `${file}: ${stderr}`)
      assert.match(exitCode === 0 ? stdout : stderr, /^Usage: npm run \S+ -- \[options\]$/m, file)
      assert.doesNotMatch(stderr, /\n +at /, file)
    }
})
