import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '../../../errors.ts'
import { storageError } from '../../storage-error.ts'
import { lockFile } from './file-lock.ts'

const PATIENCE_MS = 10_000
const RETRY_MS = 10

/** Takes the lock of a file that others hold only for a moment. @throws StorageError */
export async function waitForLock(handle: FileHandle, path: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!lockFile(handle.fd, path)) {
    if (performance.now() > deadline)
      throw new StorageError('IO_ERROR', `Could not lock ${path}: another process holds it`, {
        path,
      })
    await delay(RETRY_MS)
  }
}

/** Acts while this process holds the lock of a file, which is made if it does not exist. @throws StorageError; errors of `act` */
export async function withLockFile<Result>(
  path: string,
  act: () => Promise<Result>,
): Promise<Result> {
  const handle = await open(path, FLAGS, 0o600).catch((error: unknown) => {
    throw storageError('lock the file', path, error)
  })
  await using opened = handle
  await waitForLock(opened, path)
  return await act()
}

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
