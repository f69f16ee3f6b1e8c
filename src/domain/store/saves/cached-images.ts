import { mkdtemp, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { StasisError, UsageError } from '../../../errors.ts'
import { storageError } from '../../../io/storage-error.ts'
import { makeDirectory } from '../../../io/files/directory.ts'
import { isThere } from '../../../io/files/file-names.ts'
import { syncDirectory } from '../../../io/files/partial-file.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../../io/records/record-file.ts'
import { lockFile, shareFile } from '../../../io/files/locks/file-lock.ts'
import { type Directories, checkDirectories } from '../directories.ts'
import { placeOfHost } from '../host-directory.ts'

/** An image whose memory is in the cache, uncompressed. */
export interface CachedImage {
  /** A digest of the machine's state: copies of an image have one entry. */
  readonly key: string
  /** The image that it was made from. */
  readonly image: string
  readonly allocatedBytes: number
  readonly lastUsed: Date
  /** Why the entry cannot be used; `image` is empty and `allocatedBytes` 0 then. */
  readonly fault?: StasisError
}

/** A RAM block in the cache. */
export interface CachedBlock {
  readonly name: string
  readonly path: string
  readonly length: number
}

interface Entry {
  readonly image: string
  readonly blocks: readonly {
    readonly name: string
    readonly file: string
    readonly length: number
  }[]
}

const ENTRY = 'entry.json'
const LOCK = 'lock'
const UNLOCKED = 'lock.new'
const DRAFT = '.new-'
const REMOVED = '.removed-'

/** Whether there is a cache. @throws StorageError */
export function hasCache(directories: Directories): Promise<boolean> {
  return isThere(cacheDirectory(directories))
}

/** Whether an image is in the cache. @throws StorageError */
export function isCached(directories: Directories, key: string): Promise<boolean> {
  return isThere(join(cacheDirectory(directories), key))
}

/** The RAM blocks of an image in the cache, and marks it as just used; `undefined` when it is not there. @throws StorageError */
export async function useCached(
  directories: Directories,
  key: string,
): Promise<readonly CachedBlock[] | undefined> {
  const directory = join(cacheDirectory(directories), key)
  const entry = await readRecordFile(CACHED_IMAGE, join(directory, ENTRY))
  if (entry === undefined) return undefined
  const now = new Date()
  await utimes(join(directory, ENTRY), now, now).catch(() => undefined)
  return entry.blocks.map(({ name, file, length }) => ({
    name,
    path: join(directory, file),
    length,
  }))
}

/** The entries of the cache, the most recently used first. @throws StorageError */
export async function listCached(directories: Directories): Promise<readonly CachedImage[]> {
  const directory = cacheDirectory(directories)
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw storageError('list the image cache', directory, error)
  })
  const keys = names.filter((name) => !name.startsWith('.'))
  const entries = await Promise.all(keys.map((key) => describeAny(directories, key)))
  return entries.toSorted((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime())
}

async function describeAny(directories: Directories, key: string): Promise<CachedImage> {
  try {
    return await describeCached(directories, key)
  } catch (error) {
    if (!(error instanceof StasisError)) throw error
    return { key, image: '', allocatedBytes: 0, lastUsed: new Date(0), fault: error }
  }
}

/** One entry of the cache. @throws UsageError BAD_ARGUMENT when it is not there, StorageError */
export async function describeCached(directories: Directories, key: string): Promise<CachedImage> {
  const directory = join(cacheDirectory(directories), key)
  const entry = await readRecordFile(CACHED_IMAGE, join(directory, ENTRY))
  if (entry === undefined) throw new UsageError('BAD_ARGUMENT', `The cache has no entry ${key}`)
  try {
    let allocatedBytes = 0
    for (const { file } of entry.blocks)
      allocatedBytes += (await stat(join(directory, file))).blocks * 512
    const { mtime } = await stat(join(directory, ENTRY))
    return { key, image: entry.image, allocatedBytes, lastUsed: mtime }
  } catch (error) {
    throw storageError('read the image cache', directory, error)
  }
}

/** Removes an entry. A guest that runs from it continues: its files exist until it ends. @throws StorageError */
export async function removeCached(directories: Directories, key: string): Promise<void> {
  const cache = cacheDirectory(directories)
  const directory = join(cache, key)
  const removed = join(cache, `${REMOVED}${key}`)
  try {
    // A process that is killed while the files go leaves no entry that lacks some.
    await rm(removed, { recursive: true, force: true })
    if (await isThere(directory)) await rename(directory, removed)
    // After a power cut there is no such entry, either.
    await syncDirectory(cache).catch(() => undefined)
    await rm(removed, { recursive: true, force: true })
  } catch (error) {
    throw storageError('remove from the image cache', directory, error)
  }
}

/** Removes least recently used entries, but not `kept`, until all take at most `limitBytes`. @throws StorageError */
export async function makeRoom(
  directories: Directories,
  kept: string,
  limitBytes: number,
): Promise<void> {
  const entries = await listCached(directories)
  let left = entries.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
  for (const { key, allocatedBytes, fault } of entries.toReversed()) {
    if (left <= limitBytes) return
    if (key === kept || fault !== undefined) continue
    await removeCached(directories, key)
    left -= allocatedBytes
  }
}

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
  async publish(key: string, entry: Entry): Promise<void> {
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

const CACHED_IMAGE: RecordKind<Entry> = {
  what: 'an entry of the image cache',
  version: 1,
  hint: 'Remove it with `stasis image-cache remove`; it can be added again',
  parse(value) {
    const fields = fieldsOf(value)
    const { image, blocks } = fields ?? {}
    const fits = typeof image === 'string' && Array.isArray(blocks) && blocks.every(isBlock)
    return fits ? (fields as unknown as Entry) : undefined
  },
}

function isBlock(value: unknown): boolean {
  const { name, file, length } = fieldsOf(value) ?? {}
  const isPlainName = typeof file === 'string' && /^\d+\.ram$/.test(file)
  return typeof name === 'string' && isPlainName && Number.isSafeInteger(length)
}

function cacheDirectory({ stateDir }: Directories): string {
  return placeOfHost(stateDir, 'image-cache')
}
