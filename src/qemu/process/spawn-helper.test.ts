import assert from 'node:assert/strict'
import { once } from 'node:events'
import { openSync, closeSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findProgram } from '../../io/processes/no-new-privileges.ts'
import { helperInvocation, spawnHelper } from './spawn-helper.ts'

test('spawnHelper() starts a program with what is meant for it, no core dumps, and no way to gain privileges', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stasis-helper-'))
  process.env['SECRET_TOKEN'] = 'hunter2'
  process.env['STASIS_OURS'] = 'yes'
  try {
    const script = join(directory, 'helper.mjs')
    await writeFile(
      script,
      `import { readFileSync } from 'node:fs'
console.log(Object.keys(process.env).join(' '), readFileSync('/proc/self/status', 'utf8'), readFileSync('/proc/self/limits', 'utf8'))`,
    )
    const output = openSync(join(directory, 'output'), 'w')
    const child = await spawnHelper(script, [], output, { compileCache: join(directory, 'cache') })
    closeSync(output)
    if (!child.ended.aborted) await once(child.ended, 'abort')
    const text = await readFile(join(directory, 'output'), 'utf8')
    assert.match(text, /\bSTASIS_OURS\b/)
    assert.match(text, /\bNODE_COMPILE_CACHE\b/)
    assert.doesNotMatch(text, /SECRET_TOKEN/)
    assert.match(text, /^Max core file size +0 /m)
    if (findProgram('setpriv', '/usr/bin:/bin') !== undefined)
      assert.match(text, /^NoNewPrivs:\t1$/m)
  } finally {
    delete process.env['SECRET_TOKEN']
    delete process.env['STASIS_OURS']
    await rm(directory, { recursive: true })
  }
})

test('helperInvocation() names its own compile cache only where our environment names none', () => {
  const before = process.env['NODE_COMPILE_CACHE']
  const cacheOf = (): string | undefined =>
    helperInvocation('helper.mjs', [], '/ours').env['NODE_COMPILE_CACHE']
  try {
    process.env['NODE_COMPILE_CACHE'] = '/theirs'
    assert.equal(cacheOf(), '/theirs')
    delete process.env['NODE_COMPILE_CACHE']
    assert.equal(cacheOf(), '/ours')
  } finally {
    if (before !== undefined) process.env['NODE_COMPILE_CACHE'] = before
  }
})
