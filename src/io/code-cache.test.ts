import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import { codeCacheDirectory } from './code-cache.ts'

const module = join(import.meta.dirname, 'code-cache.ts')

/** Evaluates an expression of code-cache.ts in a process of its own; returns what it printed. */
function evaluate(expression: string): string {
  const script = `import * as cache from ${JSON.stringify(module)}\n${expression}`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
  return execFileSync(process.execPath, args, { encoding: 'utf8' })
}

test('runBundle() keeps the code of a run that succeeds, and runs it again', async () => {
  await using dir = await tempDir()
  const [bundle, code] = [dir.join('bundle.cjs'), dir.join('bundle.code')]
  writeFileSync(bundle, `function a() { console.log('ran', __filename) }\na()`)
  const act = `cache.runBundle(${JSON.stringify(bundle)}, ${JSON.stringify(code)})`
  assert.equal(evaluate(act), `ran ${bundle}\n`)
  const kept = readFileSync(code)
  assert.equal(evaluate(act), `ran ${bundle}\n`)
  assert.deepEqual(readFileSync(code), kept)
  assert.deepEqual(readdirSync(dir.path).toSorted(), ['bundle.cjs', 'bundle.code'])
})

test('runBundle() keeps no code of a run that fails', async () => {
  await using dir = await tempDir()
  const bundle = dir.join('bundle.cjs')
  writeFileSync(bundle, 'process.exitCode = 3')
  const act = `cache.runBundle(${JSON.stringify(bundle)}, ${JSON.stringify(dir.join('code'))})`
  assert.throws(() => evaluate(act), { status: 3 })
  assert.deepEqual(readdirSync(dir.path), ['bundle.cjs'])
})

test('runBundle() runs a changed bundle, of the same length and time too, and not the kept code', async () => {
  await using dir = await tempDir()
  const bundle = dir.join('bundle.cjs')
  const act = `cache.runBundle(${JSON.stringify(bundle)}, ${JSON.stringify(dir.join('code'))})`
  for (const text of ['one', 'two', 'six']) {
    writeFileSync(bundle, `function a() { console.log('${text}') }\na()`)
    utimesSync(bundle, 1, 1)
    assert.equal(evaluate(act), `${text}\n`)
    assert.equal(evaluate(act), `${text}\n`)
  }
})

test('runBundle() compiles again when the kept code is damaged', async () => {
  await using dir = await tempDir()
  const [bundle, code] = [dir.join('bundle.cjs'), dir.join('code')]
  writeFileSync(bundle, `console.log('ran')`)
  const act = `cache.runBundle(${JSON.stringify(bundle)}, ${JSON.stringify(code)})`
  evaluate(act)
  for (const damaged of [Buffer.alloc(0), readFileSync(code).subarray(0, 100)]) {
    writeFileSync(code, damaged)
    assert.equal(evaluate(act), 'ran\n')
    assert.ok(readFileSync(code).length > 100)
  }
})

test('codeCacheDirectory() accepts only a directory that no other user can write to', async () => {
  await using dir = await tempDir()
  const [beside, other, link] = [dir.join('beside'), dir.join('a/b/other'), dir.join('link')]
  assert.equal(codeCacheDirectory(beside, other), other)
  assert.equal(statSync(other).mode & 0o777, 0o700)
  mkdirSync(beside, { mode: 0o700 })
  assert.equal(codeCacheDirectory(beside, other), beside)
  symlinkSync(beside, link)
  assert.equal(codeCacheDirectory(link, other), undefined)
  for (const mode of [0o770, 0o702]) {
    chmodSync(beside, mode)
    assert.equal(codeCacheDirectory(beside, other), undefined, mode.toString(8))
    chmodSync(other, mode)
    assert.equal(codeCacheDirectory(dir.join('absent'), other), undefined, mode.toString(8))
  }
})
