import { dirname } from 'node:path'
import { makeDirectory } from '../../../io/files/directory.ts'
import { removeDurably } from '../../../io/files/partial-file.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../../io/records/record-file.ts'
import { placeOfHost } from '../host-directory.ts'
import type { Directories } from '../directories.ts'

interface HostList {
  readonly names: readonly string[]
}

/**
 * The domains that `host-save` was to put into managed saves, for `host-resume` to bring back. Written before the first is saved.
 * @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW, and others
 */
export async function readHostList(directories: Directories): Promise<readonly string[]> {
  return (await readRecordFile(HOST_LIST, listPath(directories)))?.names ?? []
}

/** Stores the list durably; removes an empty one. @throws StorageError */
export async function writeHostList(
  directories: Directories,
  names: readonly string[],
): Promise<void> {
  const path = listPath(directories)
  if (names.length === 0) {
    // After a power cut an older list does no harm: its domains have no managed save any more.
    await removeDurably(path, 'the list of domains to resume is removed')
    return
  }
  await makeDirectory(dirname(path))
  const list = { names: [...new Set(names)].toSorted() }
  await writeRecordFile(HOST_LIST, path, list, { durable: true })
}

function listPath(directories: Directories): string {
  return placeOfHost(directories.stateDir, 'host-saved.json')
}

const HOST_LIST: RecordKind<HostList> = {
  what: 'the list of domains to resume',
  version: 1,
  hint: '`stasis list --all --managed-save` shows the domains that were saved; `stasis start` resumes one',
  parse(value, version) {
    // Before versions it was a plain array.
    const names = version === 0 ? value : fieldsOf(value)?.['names']
    if (!Array.isArray(names)) return undefined
    return names.every((name) => typeof name === 'string') ? { names } : undefined
  },
}
