import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { storageError } from '../../io/storage-error.ts'
import { isAbsence } from '../../io/files/file-names.ts'

/** Where hooks are. */
export interface HookPlaces {
  readonly directories: readonly string[]
  readonly programs: readonly string[]
}

/**
 * The hooks, in the order in which they run: those of all directories by name, then the programs as they were named. As with run-parts(8), a file of a directory that is not
 * executable is not a hook, and neither are hidden files and backups of editors.
 * @throws StorageError if a directory cannot be read
 */
export async function findHooks({ directories, programs }: HookPlaces): Promise<readonly string[]> {
  const found = await Promise.all(directories.map(executablesIn))
  const byName = found.flat().toSorted((a, b) => (basename(a) < basename(b) ? -1 : 1))
  return [...byName, ...programs]
}

async function executablesIn(directory: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(directory)).filter((name) => !/^\.|~$/.test(name))
    const paths = names.map((name) => join(directory, name))
    const facts = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)))
    return paths.filter((_, index) => {
      const file = facts[index]
      return file?.isFile() === true && (file.mode & 0o111) !== 0
    })
  } catch (error) {
    if (isAbsence(error)) return []
    throw storageError('look for hooks', directory, error)
  }
}
