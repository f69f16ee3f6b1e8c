import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../domain/durable-text.ts'
import { UsageError } from '../errors.ts'
import { makeTemporaryDirectory } from '../io/temporary-directory.ts'

/**
 * Lets the person at the terminal edit a text in `$VISUAL`, `$EDITOR` or vi; gives the new text, or `undefined` when it is as it was.
 * @throws UsageError BAD_ARGUMENT when the editor cannot be run or fails
 */
export async function editText(text: string, name: string): Promise<string | undefined> {
  await using directory = await makeTemporaryDirectory('stasis-edit-')
  const path = join(directory.path, name)
  await writeDurably(path, text)
  const editor = process.env['VISUAL'] || process.env['EDITOR'] || 'vi'
  await runEditor(editor, path)
  const edited = await readFile(path, 'utf8')
  return edited === text ? undefined : edited
}

async function runEditor(editor: string, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // As other programs do, so that EDITOR may have arguments.
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' })
  child.once('error', reject)
  child.once('exit', (code) => {
    if (code === 0) resolve()
    else
      reject(
        new UsageError('BAD_ARGUMENT', `The editor ${editor} failed; nothing was changed`, {
          hint: 'Set VISUAL or EDITOR to another one',
        }),
      )
  })
  await promise
}
