import { mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory } from '../../../io/files/directory.ts'
import { isThere } from '../../../io/files/file-names.ts'
import { lockFile, shareFile } from '../../../io/files/locks/file-lock.ts'
import { syncDirectory } from '../../../io/files/partial-file.ts'
import { writeRecordFile } from '../../../io/records/record-file.ts'
import { storageError } from '../../../io/storage-error.ts'
import { type Directories, checkDirectories } from '../directories.ts'
import { CACHED_IMAGE, type CacheEntry, ENTRY, REMOVED, cacheDirectory } from './cache-entry.ts'

const LOCK = 'lock'
const UNLOCKED = 'lock.new'
const DRAFT = '.new-'

/** A new entry, locked for as long as its maker lives; disposing it unpublished removes it. */
export class NewCachedImage implements AsyncDisposable {
  /** The directory for the files of its blocks. */
  readonly directory: string
  readonly #directories: Directories
  readonly #lock: Awaited<ReturnType<typeof open>>

  private constructor(
    directories: Directories,
    directory: string,
    lock: Awaited<ReturnType<typeof open>>,
  ) {
    this.#directories = directories
    this.directory = directory
    this.#lock = lock
  }

  /** @throws StorageError */
  static async create(directories: Directories): Promise<NewCachedImage> {
    const cache = cacheDirectory(directories)
    try {
      await makeDirectory(cache)
      await checkDirectories(directories)
      await removeAbandoned(cache)
      const directory = await mkdtemp(join(cache, DRAFT))
      const lock = await open(join(directory, UNLOCKED), 'w', 0o600)
      shareFile(lock.fd, directory)
      // It becomes visible only when it is locked.
      await rename(join(directory, UNLOCKED), join(directory, LOCK))
      return new NewCachedImage(directories, directory, lock)
    } catch (error) {
      throw storageError('free space in the image cache', cache, error)
    }
  }

  /** Puts it into its place. If another process was faster, that one's entry stays. @throws StorageError */
  async publish(key: string, entry: CacheEntry): Promise<void> {
    const place = join(cacheDirectory(this.#directories), key)
    await writeRecordFile(CACHED_IMAGE, join(this.directory, ENTRY), entry, { durable: true })
    try {
      await rename(this.directory, place)
      await syncDirectory(cacheDirectory(this.#directories))
    } catch (error) {
      if (!(await isThere(place))) throw storageError('add to the image cache', place, error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true }).catch(() => undefined)
    await this.#lock.close().catch(() => undefined)
  }
}

/** Removes unfinished entries of processes that died. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.startsWith(REMOVED)) await rm(join(cache, name), { recursive: true, force: true })
    if (!name.startsWith(DRAFT)) continue
    const lock = await open(join(cache, name, LOCK), 'r').catch(() => undefined)
    const abandoned = lock !== undefined && lockFile(lock.fd, cache)
    await lock?.close()
    if (abandoned) await rm(join(cache, name), { recursive: true, force: true })
  }
}
