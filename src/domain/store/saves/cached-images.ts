import { readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { StasisError, UsageError } from '../../../errors.ts'
import { storageError } from '../../../io/storage-error.ts'
import { isThere } from '../../../io/files/file-names.ts'
import { syncDirectory } from '../../../io/files/partial-file.ts'
import { readRecordFile } from '../../../io/records/record-file.ts'
import type { Directories } from '../directories.ts'
import { CACHED_IMAGE, ENTRY, REMOVED, cacheDirectory } from './cache-entry.ts'

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
