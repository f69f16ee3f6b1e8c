import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { newestQemu } from '../support/qemus.ts'
import { stasis, stasisWith } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const run = promisify(execFile)

/** Writes what a process has loaded of Node to standard error. */
const REPORT = `process.on('exit', () => process.stderr.write(process.moduleLoadList.join('\\n')))`

/** What a command that asks for states may load of Node. What `process.stderr` loads for the report does not count. */
const USEFUL = [
  ...['NativeModule vm', 'NativeModule process', 'NativeModule internal/abort_controller'],
  ...['Internal Binding pipe_wrap', 'Internal Binding stream_wrap'],
]

function partsIn(report: string): readonly string[] {
  return report.split('\n').filter((line) => /^(?:NativeModule|Internal Binding) /.test(line))
}

for (const { emulator } of newestQemu())
  test('a command that asks for states loads no part of Node that it can do without', async () => {
    await using tiny = await startTinyDomain({ emulator })
    const report = tiny.dir.join('report.cjs')
    await writeFile(report, REPORT)
    const env = { NODE_OPTIONS: `--require ${report}` }
    const empty = await run(process.execPath, ['-e', '0'], { env })
    const always = new Set([...partsIn(empty.stderr), ...USEFUL])
    for (const args of [
      ['list', '--all'],
      ['domstate', 'tiny'],
    ]) {
      // The first run of a bundle compiles it.
      await stasis(tiny.stateDir, ...args)
      const { exitCode, stdout, stderr } = await stasisWith(
        { stateDir: tiny.stateDir, env },
        ...args,
      )
      assert.equal(exitCode, 0, stderr)
      assert.match(stdout, /running/)
      const loaded = partsIn(stderr)
      assert.ok(loaded.includes('Internal Binding pipe_wrap'), 'it asked QEMU')
      assert.deepEqual(
        loaded.filter((part) => !always.has(part)),
        [],
      )
    }
  })
