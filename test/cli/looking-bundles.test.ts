import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { LOOKING_VERB_NAMES, STATE_VERB_NAMES } from '../../src/cli/verb-bundles.ts'
import { isLongRun } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { smallXml, testStore } from '../support/test-store.ts'

const bundles = join(import.meta.dirname, '../../.bundle')

/** Options before the verb, plain ones, those with values, and all that only the whole bundle reads: help, faults, opposites and abbreviations. */
const LINES: readonly (readonly string[])[] = [
  ['list'],
  ['list', '--all', '--title'],
  ['list', '--all', '--no-autostart'],
  ['list', '--name', '--table'],
  ['list', '--al'],
  ['-qr', 'list', '--all'],
  ['-c', 'qemu:///session', '-k', '5', 'list', '--help'],
  ['-k', '-1', 'list'],
  ['-k', '5', 'domstate', 'off'],
  ['--debug=1', 'domstate', 'off'],
  ['domstate'],
  ['domstate', 'off', '--reason', '--json'],
  ['domstate', '--domain', 'off'],
  ['domstate', '--domain=off', '--reason'],
  ['domstate', 'off', '--reason', '--quick'],
  ['domstate', 'off', 'more'],
  ['domstate', '--', 'off'],
  ['domstate', '-h'],
  ['vcpucount', 'off', '--live', '--config'],
  ['domdisplay', 'off', '--type', 'vnc'],
  ['domdisplay', 'off', '--type'],
  ['domstats', 'off', '--cpu-total', '--list-shutoff'],
  ['domstats', '--domain', 'off', 'off'],
  ['domblkinfo', 'off', '--device', 'vda', '--human'],
]

test('the verbs that only look answer as in the whole bundle, whatever their command line is', async () => {
  await using store = await testStore()
  const { stateDir } = store.directories
  await store.define('off', smallXml({ name: 'off', more: '<title>Nobody</title>' }))
  await stasis(stateDir, 'list')
  const verbs = [...STATE_VERB_NAMES, ...LOOKING_VERB_NAMES]
  const others = isLongRun() ? verbs.map((verb) => [verb, 'off', '--json']) : []
  const env = { ...process.env, STASIS_STATE_DIR: stateDir, COLUMNS: '80' }
  const run = (bundle: string, line: readonly string[]): Promise<unknown> => {
    const argv = [join(bundles, bundle), ...line]
    return new Promise((resolve) => {
      execFile(process.execPath, argv, { env }, (error, stdout, stderr) => {
        resolve({ exitCode: error?.code ?? 0, stdout, stderr })
      })
    })
  }
  for (const line of [...LINES, ...others]) {
    const [ours, whole] = await Promise.all([run('entry.cjs', line), run('main.cjs', line)])
    assert.deepEqual(ours, whole, line.join(' '))
  }
})
