import { open, rename, unlink } from 'node:fs/promises'
import { storageError } from '../errors.ts'
import { faultPoint } from './fault-point.ts'
import { tryLock } from './system-calls.ts'

/** Renames a file and replaces an existing one. Durable once the directory is flushed. @throws StorageError */
export async function renameFile(from: string, to: string): Promise<void> {
  try {
    faultPoint('rename', to)
    await rename(from, to)
  } catch (error) {
    throw storageError(`put ${to} in place`, to, error)
  }
}

/** Removes a file if it exists. @throws StorageError */
export async function removeFile(path: string): Promise<void> {
  try {
    faultPoint('unlink', path)
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw storageError('remove the file', path, error)
  }
}

/** Removes a file whose lock is free: its writer is dead. A file that cannot be opened or removed stays. */
export async function removeUnlocked(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined)
  if (handle === undefined) return
  if (tryLock(handle.fd)) await unlink(path).catch(() => undefined)
  await handle.close()
}
