import { spawn } from 'node:child_process'
import { UsageError } from '../../errors.ts'

/**
 * Opens a file in an editor on our terminal; settles when the editor has ended.
 * @throws UsageError when it cannot be started or fails
 */
export async function editFile(editor: string, path: string): Promise<void> {
  const failure = (what: string, cause?: unknown): UsageError =>
    new UsageError('BAD_ARGUMENT', `The editor ${editor} ${what}; nothing was changed`, {
      hint: 'Set VISUAL or EDITOR to another editor',
      cause,
    })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  try {
    // The editor may include options, so a shell splits it.
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' })
    child.once('error', (cause) => reject(failure('could not be started', cause)))
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(failure(`failed (${code ?? 'killed'})`)),
    )
  } catch (cause) {
    reject(failure('could not be started', cause))
  }
  await promise
}
