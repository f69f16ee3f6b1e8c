import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises'
import { storageError } from '../storage-error.ts'
import { shareFile } from './locks/file-lock.ts'
import { exchangeNames } from '../system-calls.ts'

/** A file that has just got its final name, while the older file of that name still exists. Call one of the two functions. */
export interface Placed {
  /** Removes the file that was replaced. Never throws. */
  readonly commit: () => Promise<void>
  /**
   * Restores the older file's name, and the new file's temporary name. Never throws: where this is not possible, it reports the place of the older
   * file, if there is one.
   */
  readonly undo: () => Promise<Undone>
}

/** The outcome of an attempt to undo. */
export interface Undone {
  readonly done: boolean
  readonly olderAt: string | undefined
}

/**
 * Renames the file `temporary` to `final` in a way that can be undone. It exchanges the name with an existing file (renameat2(2), RENAME_EXCHANGE),
 * or first gives that file a second name where the file system cannot exchange (NFS). On file systems that support neither (FAT) the older file is
 * lost at once. The older file is locked meanwhile, so that no other process treats it as abandoned.
 * @throws StorageError
 */
export async function putInPlace(
  temporary: string,
  final: string,
  anotherName: () => string,
): Promise<Placed> {
  const older = await openOlder(final)
  try {
    const undo = await replace(temporary, final, older === undefined ? undefined : anotherName)
    return placed(undo, older)
  } catch (error) {
    await older?.close().catch(() => undefined)
    throw storageError(`put ${final} in place`, final, error)
  }
}

/** How to undo a replacement, and where the older file is until then. */
interface Replaced {
  readonly undo: () => Promise<void>
  readonly olderAt: string | undefined
}

async function replace(
  temporary: string,
  final: string,
  anotherName: (() => string) | undefined,
): Promise<Replaced> {
  if (anotherName === undefined) {
    await rename(temporary, final)
    return { undo: () => rename(final, temporary), olderAt: undefined }
  }
  try {
    exchangeNames(temporary, final)
    return { undo: async () => exchangeNames(temporary, final), olderAt: temporary }
  } catch (error) {
    if (!LACKS_EXCHANGE.has((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  const kept = anotherName()
  const hasLinks = await link(final, kept).then(
    () => true,
    () => false,
  )
  await rename(temporary, final)
  const undo = async (): Promise<void> => {
    await rename(final, temporary)
    if (hasLinks) await rename(kept, final)
  }
  return { undo, olderAt: hasLinks ? kept : undefined }
}

/** The errors of file systems and kernels without RENAME_EXCHANGE. */
const LACKS_EXCHANGE: ReadonlySet<string> = new Set(['EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP'])

function placed({ undo, olderAt }: Replaced, older: FileHandle | undefined): Placed {
  const end = async (): Promise<void> => older?.close().catch(() => undefined)
  return {
    commit: async () => {
      if (olderAt !== undefined) await unlink(olderAt).catch(() => undefined)
      await end()
    },
    undo: async () => {
      const done = await undo().then(
        () => true,
        () => false,
      )
      await end()
      return { done, olderAt: done ? undefined : olderAt }
    },
  }
}

/** The file that has the name now, locked if possible; `undefined` when there is none. */
async function openOlder(path: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  try {
    const older = await open(path, flags)
    try {
      shareFile(older.fd, path)
    } catch {
      // A file system without locks: no process can treat the file as abandoned by its lock either.
    }
    return older
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storageError(`put ${path} in place`, path, error)
  }
}
