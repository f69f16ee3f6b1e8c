import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { storageError } from '../../errors.ts'
import { type SystemCallError, exchangeNames } from '../../io/system-calls.ts'

/**
 * Writes a small file that others see whole or not at all. Unlike `writeDurably` it need not survive a crash of the host: for what is
 * of use only as long as a process lives.
 * @throws StorageError
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}`
  try {
    await writeFile(draft, text, { mode: 0o600 })
    await rename(draft, path)
  } catch (error) {
    throw storageError(`write ${path}`, path, error)
  }
}

/**
 * `writeWhole` for a file that must be there already, with a content that is meant: gives false, and leaves all as it is, when
 * somebody has removed it, or put another in its place.
 * @throws StorageError
 */
export async function replaceWhole(
  path: string,
  text: string,
  isMeant: (before: string) => boolean = () => true,
): Promise<boolean> {
  const draft = `${path}.${process.pid}`
  try {
    await writeFile(draft, text, { mode: 0o600 })
    exchangeNames(draft, path)
    if (isMeant(await readFile(draft, 'utf8'))) return true
    exchangeNames(draft, path)
    return false
  } catch (error) {
    if ((error as SystemCallError).code === 'ENOENT') return false
    throw storageError(`write ${path}`, path, error)
  } finally {
    await rm(draft, { force: true }).catch(() => undefined)
  }
}
