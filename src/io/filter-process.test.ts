import assert from 'node:assert/strict'
import { test } from 'node:test'
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
