import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { newestQemu } from '../support/qemus.ts'
import { stasis, stasisWith } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

/** Writes the names of the modules of Node that a process has loaded to standard error. */
const REPORT = `process.on('exit', () => process.stderr.write(process.moduleLoadList.join('\\n')))`

for (const { emulator } of newestQemu())
  test('a command that asks for states loads no part of Node that it can do without', async () => {
    await using tiny = await startTinyDomain({ emulator })
    const report = tiny.dir.join('report.cjs')
    await writeFile(report, REPORT)
    const env = { NODE_OPTIONS: `--require ${report}` }
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
      const loaded = stderr.split('\n').map((line) => line.replace('NativeModule ', ''))
      assert.ok(loaded.includes('net'), stderr)
      const wasteful = ['crypto', 'child_process', 'zlib', 'worker_threads', 'fs/promises']
      assert.deepEqual(
        wasteful.filter((name) => loaded.includes(name)),
        [],
      )
    }
  })
