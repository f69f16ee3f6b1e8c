import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathsInComments, pathsInDocument } from '../scripts/named-paths.ts'
import { tempDir } from './support/temp-dir.ts'

const root = join(import.meta.dirname, '..')

test('pathsInDocument() finds links and code spans of ours, with their line', () => {
  const text = [
    'See [the rest](../notes/a.md#there), [the web](https://example.org) and [here](#below).',
    '`domain/save/save.ts`, `src/io/`, `save.ts`; QEMU has `migration/ram.c`, and `x.test.ts` is any.',
  ].join('\n')
  assert.deepEqual(pathsInDocument('docs/b.md', text), [
    { line: 1, text: '../notes/a.md#there', places: ['notes/a.md'] },
    { line: 2, text: 'domain/save/save.ts', places: ['src/domain/save/save.ts'] },
    { line: 2, text: 'src/io/', places: ['src/io'] },
    { line: 2, text: 'save.ts', places: [] },
  ])
})

test('pathsInComments() finds paths in comments only', () => {
  const text = "import './a.ts'\n/** See docs/cli-json.md. */\n// save-intent.ts\n"
  assert.deepEqual(pathsInComments(text), [
    { line: 2, text: 'docs/cli-json.md', places: ['docs/cli-json.md'] },
    { line: 3, text: 'save-intent.ts', places: [] },
  ])
})

test('check-paths.ts prints file:line and fails when a document names a file that does not exist', async () => {
  await using dir = await tempDir()
  await mkdir(dir.join('src/io'), { recursive: true })
  await writeFile(dir.join('src/io/pool.ts'), '// docs/gone.md\n')
  await writeFile(dir.join('A.md'), 'It is in `io/pool.ts`,\nand was in `domain/save.ts`.\n')
  const script = join(root, 'scripts/check-paths.ts')
  const { status, stderr } = spawnSync(process.execPath, [script, dir.path], { encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(
    stderr,
    /^A\.md:2 names domain\/save\.ts, .+\nsrc\/io\/pool\.ts:1 names docs\/gone\.md, .+\n$/,
  )
})
