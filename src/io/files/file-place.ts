import { createHash } from 'node:crypto'
import { lstat, readlink, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { StorageError } from '../../errors.ts'
import { storageError } from '../storage-error.ts'

/** The most links that Linux follows in one path (path_resolution(7)). */
const MAX_LINKS = 40

/** The mode bit of a directory in which only the owner of a file may remove it. */
export const STICKY = 0o1000
/** The mode bits of a directory in which users other than its owner may create files. */
export const WRITABLE_BY_OTHERS = 0o022

/**
 * The place of a file that replaces `path`: the target of symbolic links at the end of the path. The link stays, as it does when a program opens the
 * path and writes. A link that another user put into a directory that all users can write to is refused, as the kernel refuses it
 * (`fs.protected_symlinks`, Linux proc(5)).
 * @throws StorageError NO_PERMISSION, IO_ERROR when the links form a circle
 */
export async function placeOf(path: string): Promise<string> {
  let place = resolve(path)
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const target = await targetOf(place)
    if (target === undefined) return place
    await checkLink(place)
    const directory = await realpath(dirname(place)).catch(() => dirname(place))
    place = resolve(directory, target)
  }
  throw new StorageError('IO_ERROR', `${path} is a symbolic link that leads back to itself`, {
    path,
    hint: 'Remove the link, or use another file',
  })
}

/** The target of a symbolic link; `undefined` when `path` is not one, or does not exist. */
async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EINVAL' || code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw storageError('follow the link', path, error)
  }
}

async function checkLink(path: string): Promise<void> {
  const directory = dirname(path)
  const [link, holder] = await Promise.all([lstat(path), stat(directory)]).catch(
    (error: unknown) => {
      throw storageError('follow the link', path, error)
    },
  )
  const shared = (holder.mode & STICKY) !== 0 && (holder.mode & WRITABLE_BY_OTHERS) !== 0
  if (!shared || link.uid === process.getuid?.() || link.uid === holder.uid) return
  throw new StorageError(
    'NO_PERMISSION',
    `${path} is a symbolic link that another user put there, so it is not followed`,
    { path, hint: `Use the path of the file itself, or a directory other than ${directory}` },
  )
}

/** The longest name of a directory entry, in bytes (Linux limits.h, NAME_MAX). */
const NAME_MAX = 255

/** Space for the longest ending of a temporary file: for a channel file, a number, the id of its image and `.partial`. */
const LONGEST_ENDING = 48

/** The beginning of the names of temporary files beside `place`. A name that leaves no space for an ending is replaced by its digest. */
export function temporaryPrefix(place: string): string {
  const name = basename(place)
  if (Buffer.byteLength(name) + LONGEST_ENDING < NAME_MAX) return `.${name}.`
  return `.${createHash('sha256').update(name).digest('hex').slice(0, 32)}.`
}

/** A temporary file beside `place`, in the same directory. */
export function besideOf(place: string, ending: string): string {
  return join(dirname(place), `${temporaryPrefix(place)}${ending}`)
}
