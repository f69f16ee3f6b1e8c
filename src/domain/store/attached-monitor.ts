import { symlink } from 'node:fs/promises'
import { storageError } from '../../io/storage-error.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/**
 * Makes both monitors of a domain lead to the one socket of a QEMU that Stasis did not start.
 * @throws StorageError
 */
export async function linkMonitors(paths: RuntimePaths, socket: string): Promise<void> {
  try {
    await symlink(socket, paths.controlSocket)
    await symlink(socket, paths.querySocket)
  } catch (error) {
    throw storageError('record the monitor', paths.controlSocket, error)
  }
}
