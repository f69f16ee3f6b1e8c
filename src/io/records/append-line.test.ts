import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { type LineFile, appendLine } from './append-line.ts'

function lineFile(path: string, more: Partial<LineFile> = {}): LineFile {
  return { path, maxBytes: 1000, fullPath: () => `${path}.full`, durable: false, ...more }
}

test('appendLine() makes a file for its owner alone, and says that it is new', async () => {
  await using dir = await tempDir()
  const path = dir.join('lines')
  assert.equal(await appendLine(lineFile(path), 'a'), true)
  assert.equal(await appendLine(lineFile(path, { durable: true }), 'b'), false)
  assert.equal(await readFile(path, 'utf8'), 'a\nb\n')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('appendLine() ends a line that a crash has cut off', async () => {
  await using dir = await tempDir()
  const path = dir.join('lines')
  await writeFile(path, 'whole\nhal')
  await appendLine(lineFile(path), 'next')
  assert.equal(await readFile(path, 'utf8'), 'whole\nhal\nnext\n')
})

test('appendLine() gives a full file another name', async () => {
  await using dir = await tempDir()
  const path = dir.join('lines')
  await writeFile(path, 'x'.repeat(1000))
  assert.equal(await appendLine(lineFile(path), 'first'), true)
  assert.equal(await readFile(path, 'utf8'), 'first\n')
  assert.equal((await stat(`${path}.full`)).size, 1000)
})

test('appendLine() does not follow a link', async () => {
  await using dir = await tempDir()
  await writeFile(dir.join('else'), '')
  await symlink('else', dir.join('lines'))
  await assert.rejects(appendLine(lineFile(dir.join('lines')), 'a'), { path: dir.join('lines') })
  assert.equal(await readFile(dir.join('else'), 'utf8'), '')
})

test('appendLine() loses no line of several processes, also when the file becomes full', async () => {
  await using dir = await tempDir()
  const path = dir.join('lines')
  const module = new URL('./append-line.ts', import.meta.url).href
  const script = `
    const { appendLine } = await import(${JSON.stringify(module)})
    let full = 0
    const file = { path: ${JSON.stringify(path)}, maxBytes: 100, durable: false,
      fullPath: () => ${JSON.stringify(path)} + '.' + process.pid + '.' + full++ }
    for (let index = 0; index < 60; index += 1) await appendLine(file, process.env.NAME + index)`
  const names = ['a', 'b', 'c']
  await Promise.all(
    names.map(async (NAME) => {
      const args = ['--input-type=module', '-e', script]
      const child = spawn(process.execPath, args, {
        env: { ...process.env, NAME },
        stdio: 'inherit',
      })
      assert.deepEqual(await once(child, 'exit'), [0, null])
    }),
  )
  const texts = await Promise.all(
    (await readdir(dir.path)).map((name) => readFile(dir.join(name), 'utf8')),
  )
  const wanted = names.flatMap((name) =>
    Array.from({ length: 60 }, (_, index) => `${name}${index}`),
  )
  const found = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '')
  assert.deepEqual(found.toSorted(), wanted.toSorted())
  assert.ok(texts.length > 3, 'it became full')
})
