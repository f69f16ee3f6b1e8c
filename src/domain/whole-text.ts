import { rename, writeFile } from 'node:fs/promises'
import { storageError } from '../errors.ts'

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
