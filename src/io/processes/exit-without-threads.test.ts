import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'

const LENGTH = 300_000

test('exitFast() ends a process that has called native libraries with its code and its output, and calls no later listener', async () => {
  await using dir = await tempDir()
  const path = dir.join('program.ts')
  const here = import.meta.dirname
  await writeFile(
    path,
    `import { exitFast } from '${join(here, 'exit-without-threads.ts')}'
import { koffi } from '${join(here, '../koffi.ts')}'
if (process.argv[2] === 'native') koffi()
process.stdout.write('x'.repeat(${LENGTH}))
exitFast()
process.on('exit', () => process.stdout.write('slow'))
process.exitCode = 3`,
  )
  const { NODE_V8_COVERAGE: _, ...env } = process.env
  const ended = (word: string, flags: readonly string[] = []): string => {
    const argv = [...flags, path, word]
    const { status, stdout } = spawnSync(process.execPath, argv, { env, encoding: 'utf8' })
    return `${status} ${stdout.slice(LENGTH)}`
  }
  assert.equal(ended('native'), '3 ')
  assert.equal(ended('plain'), '3 slow', 'the library would have to be loaded')
  assert.equal(ended('native', ['--no-warnings']), '3 slow', 'it may be profiled')
})
