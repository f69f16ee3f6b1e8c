import { open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { storageError } from '../storage-error.ts'
import { isAbsence } from './file-names.ts'

/**
 * Makes the next look into a directory see the files that other hosts have made and removed there. An NFS client of Linux remembers for up to a minute that a name does not exist, unless the
 * directory has changed (nfs(5), `lookupcache`); after a change of its own it asks the server. `name` is the file that is made and removed for that; it may be left of a
 * process that was killed. A missing directory stays missing. @throws StorageError
 */
export async function seeChangesOfOthers(directory: string, name: string): Promise<void> {
  const path = join(directory, name)
  try {
    await (await open(path, 'w', 0o600)).close()
    await unlink(path)
  } catch (error) {
    // Another process of this host has removed it: that is a change, too.
    if (!isAbsence(error)) throw storageError('look for changes of other hosts', directory, error)
  }
}
