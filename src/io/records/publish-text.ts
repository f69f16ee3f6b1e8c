import { constants } from 'node:fs'
import { open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { storageError } from '../storage-error.ts'
import { removeFile } from '../files/file-names.ts'

/**
 * Writes a small file that everybody may read (mode 0644) into a directory that others may be able to write to; readers see the whole old text or the whole new one. What
 * others may have put there, such as a link, is replaced and not followed. One process at a time may do this for a path.
 * @throws StorageError
 */
export async function publishText(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.partial`)
  try {
    await removeFile(temporary)
    await using handle = await open(temporary, NEW, 0o600)
    await handle.writeFile(text)
    await handle.chmod(0o644)
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw storageError(`write ${path}`, path, error)
  }
}

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
