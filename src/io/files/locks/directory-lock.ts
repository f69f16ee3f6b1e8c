import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { waitForLock } from './wait-for-lock.ts'

/**
 * Waits until no other process changes which files of a directory belong together, such as an image and its channel files. Dispose it after the own change.
 * Where a directory cannot be locked, or stays locked for long, this continues without the lock: a save must not fail for it.
 */
export async function lockDirectory(path: string): Promise<AsyncDisposable> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch(() => undefined)
  if (handle !== undefined) await waitForLock(handle, path).catch(() => undefined)
  return { [Symbol.asyncDispose]: async () => handle?.close().catch(() => undefined) }
}
