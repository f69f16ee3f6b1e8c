import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises'
import { storageError } from '../errors.ts'
import { faultPoint } from './fault-point.ts'
import { shareFile } from './file-lock.ts'
import { exchangeNames } from './system-calls.ts'

/** A file that has just got its final name, while the one that had the name before still exists. One of the two acts ends this. */
export interface Placed {
  /** Removes the file that was replaced. Never throws. */
  readonly commit: () => Promise<void>
  /**
   * Puts the older file back to its name, and the new one to its temporary name. Never throws: where that is not possible it reports where the
   * older file is, if there is one.
   */
  readonly undo: () => Promise<Undone>
}

/** What became of an attempt to undo. */
export interface Undone {
  readonly done: boolean
  readonly olderAt: string | undefined
}

/**
 * Gives the file `temporary` the name `final`, so that this can be undone: a file that has that name already is exchanged with it
 * (renameat2(2), RENAME_EXCHANGE), or gets a second name first where the file system cannot exchange (NFS). On file systems that have
 * neither (FAT) the older file is gone at once. The older file is locked meanwhile, so that nobody takes it for abandoned.
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
    await older?.close()
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
  faultPoint('rename', final)
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

/** The file that has the name now, locked if that is possible; `undefined` when there is none. */
async function openOlder(path: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  try {
    const older = await open(path, flags)
    try {
      shareFile(older.fd, path)
    } catch {
      // A file system without locks: nobody can take the file for abandoned by its lock either.
    }
    return older
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storageError(`put ${path} in place`, path, error)
  }
}
