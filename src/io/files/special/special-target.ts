import { stat } from 'node:fs/promises'
import { DeviceFile } from './device-file.ts'
import { isAbsence } from '../file-names.ts'
import { PipeFile, type PipeOptions } from './pipe-file.ts'
import { storageError } from '../../storage-error.ts'

/** A pipe or a block device that an image is written into, instead of a new file. */
export type SpecialTarget = PipeFile | DeviceFile

/**
 * Opens the pipe or block device at a path, and waits for a reader of a pipe; `undefined` if a file is, or will be, there.
 * @throws StorageError, UsageError when a device is in use, CancelledError
 */
export async function openSpecialTarget(
  path: string,
  options: PipeOptions & { readonly direct: boolean },
): Promise<SpecialTarget | undefined> {
  const facts = await stat(path).catch((error: unknown) => {
    if (isAbsence(error)) return undefined
    throw storageError('inspect the file', path, error)
  })
  if (facts?.isFIFO() === true) return PipeFile.open(path, options)
  if (facts?.isBlockDevice() === true) return DeviceFile.open(path, options)
  return undefined
}
