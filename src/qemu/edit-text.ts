import { spawn } from 'node:child_process'
import { UsageError } from '../errors.ts'

/**
 * Opens a file in an editor on our terminal; settles when the editor has ended.
 * @throws UsageError when it cannot be started or fails
 */
export async function editFile(editor: string, path: string): Promise<void> {
  // The editor may include options, so a shell splits it.
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (what: string): void =>
    reject(
      new UsageError('BAD_ARGUMENT', `The editor ${editor} ${what}; nothing was changed`, {
        hint: 'Set VISUAL or EDITOR to another editor',
      }),
    )
  child.once('error', () => fail('could not be started'))
  child.once('close', (code) => (code === 0 ? resolve() : fail(`failed (${code ?? 'killed'})`)))
  await promise
}
