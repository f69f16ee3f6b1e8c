import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { lockFile } from './file-lock.ts'

/** Changes of names take milliseconds. A process that was stopped may keep the lock for longer. */
const WAIT_MS = 10_000
const LOOK_MS = 2

/**
 * Waits until no other process changes which files of a directory belong together, such as an image and its channel files. Dispose it after the own change.
 * Where a directory cannot be locked, or stays locked for long, this goes on without the lock: a save must not fail for it.
 */
export async function lockDirectory(path: string): Promise<AsyncDisposable> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch(() => undefined)
  if (handle !== undefined) await takeLock(handle, path)
  return { [Symbol.asyncDispose]: async () => handle?.close().catch(() => undefined) }
}

async function takeLock(handle: FileHandle, path: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  try {
    while (!lockFile(handle.fd, path) && performance.now() < deadline) await delay(LOOK_MS)
  } catch {
    // See above.
  }
}
