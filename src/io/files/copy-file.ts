import { symlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { throwIfCancelled } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { DirectFile } from './direct-file.ts'
import { makeDirectory } from './directory.ts'
import { PartialFile, syncDirectory } from './partial-file.ts'

const PIECE = 1024 * 1024

/** Copies a file durably and in one step, mode 0600; an older one is replaced. Its directory is made. Pieces of zeros become holes. @throws StorageError, CancelledError */
export async function copyFileDurably(
  from: string,
  to: string,
  signal?: AbortSignal,
): Promise<void> {
  await makeDirectory(dirname(to))
  await using source = await DirectFile.open(from, 'read', { direct: false })
  await using partial = await PartialFile.create(to, { direct: false })
  const length = await source.size()
  const buffer = Buffer.alloc(Math.min(PIECE, length))
  for (let offset = 0; offset < length; offset += buffer.length) {
    throwIfCancelled(`copy ${from}`, signal)
    const count = await source.read(buffer, offset)
    const isLast = offset + buffer.length >= length
    // The last piece gives the file its length.
    if (isLast || !isZero(buffer.subarray(0, count)))
      await partial.file.write(buffer.subarray(0, count), offset)
  }
  await partial.publish()
}

const ZEROS = Buffer.alloc(PIECE)

function isZero(piece: Buffer): boolean {
  return piece.equals(ZEROS.subarray(0, piece.length))
}

/** Makes a symbolic link durably. @throws StorageError FILE_EXISTS and others */
export async function makeLink(target: string, path: string): Promise<void> {
  await makeDirectory(dirname(path))
  try {
    await symlink(target, path)
  } catch (error) {
    throw storageError('make the link', path, error)
  }
  await syncDirectory(dirname(path))
}
