import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { faultEnvironment } from '../../../test/support/faults/fault-environment.ts'
import { filterBytes } from './filter-process.ts'
import { findProgram } from './no-new-privileges.ts'

test('a filter has a clean environment and cannot gain privileges', async () => {
  process.env['SECRET_TOKEN'] = 'hunter2'
  try {
    const script = 'cat > /dev/null; env; grep NoNewPrivs /proc/self/status'
    const tool = { command: 'sh', args: ['-c', script], package: 'dash' }
    const text = Buffer.from(await filterBytes(tool, Buffer.from('input'))).toString()
    assert.match(text, /^LC_ALL=C$/m)
    assert.doesNotMatch(text, /SECRET_TOKEN/)
    if (findProgram('setpriv', '/usr/bin:/bin') !== undefined)
      assert.match(text, /^NoNewPrivs:\t1$/m)
  } finally {
    delete process.env['SECRET_TOKEN']
  }
})

test('a filter that is not installed is reported by its name', async () => {
  const tool = { command: 'no-such-filter', args: [], package: 'nothing' }
  await assert.rejects(filterBytes(tool, Buffer.from('input')), {
    code: 'IMAGE_UNSUPPORTED',
    message: /no-such-filter is not installed/,
  })
})

for (const code of ['EMFILE', 'EAGAIN', 'ENOMEM']) {
  test(`a filter that cannot be started (${code}) is an error of the host`, () => {
    const script = `
      import { filterBytes } from '${join(import.meta.dirname, 'filter-process.ts')}'
      const tool = { command: 'cat', args: [], package: 'coreutils' }
      // Behind the loading of modules, where no fault is made.
      await new Promise(setImmediate)
      await filterBytes(tool, Buffer.from('input')).catch(({ code, message }) => console.log(code, message))`
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', script],
      {
        encoding: 'utf8',
        env: { ...process.env, ...faultEnvironment({ fault: `spawn:${code}:1:` }) },
      },
    )
    assert.match(
      stdout,
      /^IO_ERROR Could not run cat: cat: (too many open files|EAGAIN|ENOMEM)$/m,
      stderr,
    )
    assert.match(stderr, /^planned fault: spawn [^\n]*\n$/)
  })
}
