import { realpath } from 'node:fs/promises'
import { dirname, join, relative, basename } from 'node:path'
import { StorageError } from '../../errors.ts'
import { isAbsence } from '../../io/files/file-names.ts'
import { networkFileSystem } from '../../io/files/file-system-traits.ts'
import { storageError } from '../../io/storage-error.ts'
import type { Directories } from '../store/directories.ts'

/**
 * Checks that the runtime directory for a shared state directory belongs to this host alone: it has the sockets and the records of this host's QEMUs, which
 * another host would take for dead.
 * @throws StorageError RUNTIME_NOT_LOCAL and others
 */
export async function requireLocalRuntime({ stateDir, runtimeDir }: Directories): Promise<void> {
  const place = await existingPlace(runtimeDir)
  const way = relative(await existingPlace(stateDir), place)
  if (way === '' || (!way.startsWith('..') && !way.startsWith('/')))
    throw notLocal(runtimeDir, `it is inside the shared state directory ${stateDir}`)
  const kind = await networkFileSystem(await existingParent(place))
  if (kind !== undefined) throw notLocal(runtimeDir, `it is on a network file system (${kind})`)
}

function notLocal(runtimeDir: string, reason: string): StorageError {
  return new StorageError(
    'RUNTIME_NOT_LOCAL',
    `The runtime directory ${runtimeDir} may be used by other hosts: ${reason}`,
    {
      operation: 'use the directory',
      path: runtimeDir,
      hint: 'Set STASIS_RUNTIME_DIR (or --runtime-dir) to a directory of this host, such as /run/stasis',
    },
  )
}

/** The real path of a file that may not exist. */
async function existingPlace(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if (!isAbsence(error) || dirname(path) === path)
      throw storageError('find the directory', path, error)
    return join(await existingPlace(dirname(path)), basename(path))
  }
}

/** The nearest directory above a path that exists. */
async function existingParent(path: string): Promise<string> {
  return realpath(path).catch((error: unknown) => {
    if (!isAbsence(error) || dirname(path) === path)
      throw storageError('find the directory', path, error)
    return existingParent(dirname(path))
  })
}
