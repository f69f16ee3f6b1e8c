import { mkdir, mkdtemp, open, readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ImageError, UsageError, storageError, throwIfCancelled } from '../../errors.ts'
import { openImage } from '../../image/open-image.ts'
import { PAGE_SIZE, type SavedMachine } from '../../image/saved-machine.ts'
import { isThere } from '../../io/file-names.ts'
import { tryLock, tryShareLock } from '../../io/system-calls.ts'
import { memoryBackends } from '../../qemu/command-line/memory.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { type Directories, resolveDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { stateDigest } from '../machine/state-digest.ts'
import type { LinearPart } from '../machine/mapped-memory.ts'

/** Images kept: so much room they may take when nothing else is said. */
const DEFAULT_LIMIT_BYTES = 64 * 1024 ** 3

const ENTRY = 'entry.json'
const LOCK = 'lock'
const UNLOCKED = 'lock.new'
const DRAFT = '.new-'

/** Fewer digits of a key name nothing. */
const MIN_KEY = 8

/** An image of which the memory lies raw in the cache. */
export interface CachedImage {
  /** A digest of the machine's state: copies of an image have one entry. */
  readonly key: string
  /** The image that it was made from. */
  readonly image: string
  readonly allocatedBytes: number
  readonly lastUsed: Date
}

interface Entry {
  readonly image: string
  readonly blocks: readonly {
    readonly name: string
    readonly file: string
    readonly length: number
  }[]
}

/** How to add. */
export interface CacheAddOptions extends DomainOptions {
  /** Entries that were not used for longest go until all take no more than this; default 64 GiB. */
  readonly limitBytes?: number | undefined
}

/**
 * Puts the memory of an image into the cache as it is in the guest, each frame checked, so that `map` can use it. Two who build the
 * same entry at once are no harm: the first that is done stays.
 * @throws ImageError, StorageError, CancelledError
 */
export async function addToImageCache(
  image: string,
  options: CacheAddOptions = {},
): Promise<CachedImage> {
  const directory = cacheDirectory(resolveDirectories(options))
  const path = resolve(image)
  await using machine = await openImage(path, { direct: false, signal: options.signal })
  const key = await keyOf(machine)
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    if (!(await isThere(join(directory, key)))) await build(directory, key, machine, options.signal)
    await touch(directory, key)
    await makeRoom(directory, key, options.limitBytes ?? DEFAULT_LIMIT_BYTES)
  } catch (error) {
    throw storageError(`put ${image} into the cache`, directory, error)
  }
  return await describe(directory, key)
}

/** What is in the cache, the latest used first. @throws StorageError */
export async function listImageCache(options: DomainOptions = {}): Promise<readonly CachedImage[]> {
  return list(cacheDirectory(resolveDirectories(options)))
}

/**
 * Removes an entry, given by its key, the beginning of that, or an image. A guest that runs from it goes on: its file lives until it
 * ends.
 * @throws UsageError when there is none such or several, StorageError
 */
export async function removeFromImageCache(
  which: string,
  options: DomainOptions = {},
): Promise<{ readonly key: string }> {
  const directory = cacheDirectory(resolveDirectories(options))
  const path = resolve(which)
  const found = (await list(directory)).filter(
    ({ key, image }) => image === path || (which.length >= MIN_KEY && key.startsWith(which)),
  )
  const [only] = found
  if (only === undefined)
    throw new UsageError('BAD_ARGUMENT', `There is no image ${which} in the cache`)
  if (found.length > 1) {
    throw new UsageError(
      'BAD_ARGUMENT',
      `${which} stands for ${found.length} images in the cache`,
      {
        hint: '`stasis image-cache list` shows the keys: give one',
      },
    )
  }
  await rm(join(directory, only.key), { recursive: true, force: true })
  return { key: only.key }
}

/** Where the memory of an image lies raw; `undefined` when it is not in the cache. */
export async function findCached(
  directories: Directories,
  machine: SavedMachine,
): Promise<readonly LinearPart[] | undefined> {
  const directory = cacheDirectory(directories)
  if (machine.deviceState === undefined || !(await isThere(directory))) return undefined
  const key = await keyOf(machine)
  const entry = await readEntry(directory, key)
  if (entry === undefined) return undefined
  await touch(directory, key).catch(() => undefined)
  return entry.blocks.map(({ name, file, length }) => ({
    id: name,
    path: join(directory, key, file),
    offset: 0,
    length,
  }))
}

async function keyOf(machine: SavedMachine): Promise<string> {
  const state = await machine.deviceState?.()
  if (state !== undefined && machine.pages !== undefined) return stateDigest(state)
  throw new ImageError(
    'IMAGE_UNSUPPORTED',
    `Pages of ${machine.path} cannot be read one by one: it is of format ${machine.format}`,
    { path: machine.path, hint: 'Convert it to the format stasis' },
  )
}

async function build(
  directory: string,
  key: string,
  machine: SavedMachine,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { pages } = machine
  if (pages === undefined) return
  await removeAbandoned(directory)
  const draft = await mkdtemp(join(directory, DRAFT))
  await using lock = await open(join(draft, UNLOCKED), 'w', 0o600)
  tryShareLock(lock.fd)
  // Whoever finds it finds it locked.
  await rename(join(draft, UNLOCKED), join(draft, LOCK))
  try {
    const { domain } = readDomain(parseDomainXml(machine.description.xml), {
      ignoreUnsupported: true,
    })
    const ids = new Set(memoryBackends(domain).map(({ id }) => id))
    const blocks: Entry['blocks'][number][] = []
    for (const [block, { name, length }] of pages.blocks.entries()) {
      if (!ids.has(name)) continue
      const file = `${block}.ram`
      await writeBlock(machine, block, join(draft, file), signal)
      blocks.push({ name, file, length })
    }
    await using entry = await open(join(draft, ENTRY), 'w', 0o600)
    await entry.writeFile(JSON.stringify({ image: machine.path, blocks } satisfies Entry))
    await entry.sync()
    await rename(draft, join(directory, key))
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    // Another process was quicker.
    if (!(await isThere(join(directory, key)))) throw error
  }
}

async function writeBlock(
  machine: SavedMachine,
  block: number,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { pages } = machine
  if (pages === undefined) return
  await using file = await open(path, 'w', 0o600)
  await file.truncate(pages.blocks[block]?.length ?? 0)
  for (let frame = 0; frame < pages.frameCount; frame += 1) {
    const range = pages.range(frame)
    if (range.block !== block) continue
    throwIfCancelled(`put ${machine.path} into the cache`, signal)
    const bytes = await pages.read(frame, 0)
    for (let done = 0; done < bytes.length;) {
      const at = range.firstPage * PAGE_SIZE + done
      done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten
    }
  }
  await file.sync()
}

/** What a process that died while it built left behind. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(DRAFT)) continue
    const lock = await open(join(directory, name, LOCK), 'r').catch(() => undefined)
    const abandoned = lock !== undefined && tryLock(lock.fd)
    await lock?.close()
    if (abandoned) await rm(join(directory, name), { recursive: true, force: true })
  }
}

async function makeRoom(directory: string, kept: string, limitBytes: number): Promise<void> {
  const entries = await list(directory)
  let left = entries.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
  for (const { key, allocatedBytes } of entries.toReversed()) {
    if (left <= limitBytes) return
    if (key === kept) continue
    await rm(join(directory, key), { recursive: true, force: true })
    left -= allocatedBytes
  }
}

async function list(directory: string): Promise<readonly CachedImage[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw storageError('list the image cache', directory, error)
  })
  const keys = names.filter((name) => !name.startsWith(DRAFT))
  const entries = await Promise.all(
    keys.map((key) => describe(directory, key).catch(() => undefined)),
  )
  return entries
    .filter((entry) => entry !== undefined)
    .toSorted((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime())
}

async function describe(directory: string, key: string): Promise<CachedImage> {
  const entry = await readEntry(directory, key)
  if (entry === undefined) throw new UsageError('BAD_ARGUMENT', `There is no entry ${key}`)
  let allocatedBytes = 0
  for (const { file } of entry.blocks)
    allocatedBytes += (await stat(join(directory, key, file))).blocks * 512
  const { mtime } = await stat(join(directory, key, ENTRY))
  return { key, image: entry.image, allocatedBytes, lastUsed: mtime }
}

async function readEntry(directory: string, key: string): Promise<Entry | undefined> {
  const text = await readFile(join(directory, key, ENTRY), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Entry
  } catch {
    return undefined
  }
}

async function touch(directory: string, key: string): Promise<void> {
  const now = new Date()
  await utimes(join(directory, key, ENTRY), now, now)
}

function cacheDirectory({ stateDir }: Directories): string {
  return join(stateDir, 'image-cache')
}
