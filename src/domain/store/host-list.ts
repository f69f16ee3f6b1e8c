import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { storageError } from '../../errors.ts'
import { removeFile } from '../../io/file-names.ts'
import type { Directories } from './directories.ts'
import { writeDurably } from './durable-text.ts'

/** The domains that `host-save` was to park: `host-resume` brings them back. Written before the first is saved. */
export async function readHostList(directories: Directories): Promise<readonly string[]> {
  try {
    const value: unknown = JSON.parse(await readFile(listPath(directories), 'utf8'))
    return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []
  } catch {
    return []
  }
}

/** Keeps the list, durably; an empty one is removed. @throws StorageError */
export async function writeHostList(
  directories: Directories,
  names: readonly string[],
): Promise<void> {
  const path = listPath(directories)
  if (names.length === 0) {
    await removeFile(path)
    return
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw storageError('make the state directory', dirname(path), error)
  })
  await writeDurably(path, `${JSON.stringify([...new Set(names)].toSorted())}\n`)
}

function listPath(directories: Directories): string {
  return join(directories.stateDir, 'host-saved.json')
}
