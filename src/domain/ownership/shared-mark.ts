import { join } from 'node:path'
import { StorageError } from '../../errors.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import type { Directories } from '../store/directories.ts'

/** Remembers that a state directory is shared, until this host boots again. The runtime directory is local, and stays when the storage is away. @throws StorageError */
export async function markShared(directories: Directories): Promise<void> {
  if (await isMarked(directories)) return
  const { stateDir, runtimeDir } = directories
  await makeDirectory(runtimeDir)
  await writeRecordFile(MARK, markPath(runtimeDir), { stateDir }, { durable: false })
}

/**
 * Checks that a state directory without the record of its host is a new one, and not the empty mount point of a shared one: an image that is saved there is lost to all
 * other hosts.
 * @throws StorageError STATE_MISSING and others
 */
export async function requireNotAway(directories: Directories): Promise<void> {
  if (!(await isMarked(directories))) return
  const { stateDir, runtimeDir } = directories
  throw new StorageError(
    'STATE_MISSING',
    `The shared state directory ${stateDir} is not there: its host.json is missing`,
    {
      operation: 'use the directory',
      path: stateDir,
      hint: `Mount its storage again. If another directory is to take its place, remove ${markPath(runtimeDir)} first, while no domain of it runs here`,
    },
  )
}

async function isMarked({ stateDir, runtimeDir }: Directories): Promise<boolean> {
  return (await readRecordFile(MARK, markPath(runtimeDir)))?.stateDir === stateDir
}

function markPath(runtimeDir: string): string {
  return join(runtimeDir, 'shared-state.json')
}

const MARK: RecordKind<{ readonly stateDir: string }> = {
  what: 'the mark of a shared state directory',
  version: 1,
  hint: 'It says that the state directory of this host is shared. If it is there, remove the file; it is made again',
  parse(value) {
    const stateDir = fieldsOf(value)?.['stateDir']
    return typeof stateDir === 'string' ? { stateDir } : undefined
  },
}
