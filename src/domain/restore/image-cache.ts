import { claimStateDirectory } from '../ownership/state-host.ts'
import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { join } from 'node:path'
import { ImageError, StorageError, UsageError, throwIfCancelled } from '../../errors.ts'
import { openImage } from '../../image/open-image.ts'
import type { PageStore, SavedMachine } from '../../image/saved-machine.ts'
import { DirectFile } from '../../io/files/direct-file.ts'
import { memoryBackends } from '../../qemu/command-line/board/memory.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import {
  type CachedImage,
  describeCached,
  hasCache,
  isCached,
  listCached,
  makeRoom,
  removeCached,
  useCached,
} from '../store/saves/cached-images.ts'
import { NewCachedImage } from '../store/saves/new-cached-image.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { stateDigest } from '../machine/state-digest.ts'
import type { OnProgress, TransferMeasure } from '../progress/progress.ts'
import { watchTransfer } from '../progress/transfer-meter.ts'
import type { LinearPart } from '../memory-sources/mapped-memory.ts'

/** The default limit for all entries together. */
const DEFAULT_LIMIT_BYTES = 64 * 1024 ** 3

/** The shortest accepted beginning of a key. */
const MIN_KEY = 8

/** Options for adding an image. */
export interface CacheAddOptions extends DomainOptions {
  /** Least recently used entries are removed until all take at most this; default 64 GiB. */
  readonly limitBytes?: number | undefined
  readonly onProgress?: OnProgress<CacheAddProgress> | undefined
}

/** The progress of adding an image: it is read. */
export type CacheAddProgress = { readonly phase: 'reading' } & TransferMeasure

/**
 * Adds the memory of an image to the cache as it is in the guest, with each frame checked, so that `map` can use it. Two processes may build the same
 * entry at once: the entry of the first to finish stays.
 * @throws ImageError, StorageError, CancelledError
 * @example
 * await addToImageCache('/images/prepared.save')
 * await restoreDomain('/images/prepared.save', { mode: 'map', clone: { name: 'web-2', diskOverlay: '/var/lib/clones' } })
 */
export async function addToImageCache(
  image: FilePath,
  options: CacheAddOptions = {},
): Promise<CachedImage> {
  const directories = await openDirectories(options)
  await claimStateDirectory(directories)
  const path = givenPath(image, 'the image')
  await using machine = await openImage(path, { direct: false, signal: options.signal })
  const key = await keyOf(machine)
  if (!(await isCached(directories, key))) await build(directories, key, machine, options)
  await useCached(directories, key)
  await makeRoom(directories, key, options.limitBytes ?? DEFAULT_LIMIT_BYTES)
  return await describeCached(directories, key)
}

/**
 * The entries of the cache, the most recently used first.
 * @throws StorageError
 * @example
 * for (const { image, allocatedBytes } of await listImageCache()) console.log(image, allocatedBytes)
 */
export async function listImageCache(options: DomainOptions = {}): Promise<readonly CachedImage[]> {
  return listCached(await openDirectories(options))
}

/**
 * Removes an entry, given by its key, the beginning of that, or an image. A guest that runs from it continues: its file exists until it ends.
 * @throws UsageError when there is no such entry or several, StorageError
 * @example
 * await removeFromImageCache('/images/prepared.save')
 */
export async function removeFromImageCache(
  which: string,
  options: DomainOptions = {},
): Promise<{ readonly key: string }> {
  const directories = await openDirectories(options)
  await claimStateDirectory(directories)
  const path = givenPath(which, 'the image, or its key,')
  const entries = await listCached(directories)
  const found = entries.filter(
    ({ key, image }) => image === path || (which.length >= MIN_KEY && key.startsWith(which)),
  )
  const [only] = found
  if (only === undefined) {
    // An entry that cannot be read may be the one.
    const unreadable = entries.find(({ fault }) => fault !== undefined)?.fault
    throw unreadable ?? new UsageError('BAD_ARGUMENT', `The cache has no image ${which}`)
  }
  if (found.length > 1) {
    throw new UsageError('BAD_ARGUMENT', `${which} matches ${found.length} images in the cache`, {
      hint: 'Give a whole key: `stasis image-cache list` shows them',
    })
  }
  await removeCached(directories, only.key)
  return { key: only.key }
}

/** Finds the uncompressed memory of an image in the cache; `undefined` when it is not there. */
export async function findCached(
  directories: Directories,
  machine: SavedMachine,
): Promise<readonly LinearPart[] | undefined> {
  if (machine.deviceState === undefined || !(await hasCache(directories))) return undefined
  const key = await keyOf(machine)
  const blocks = await useCached(directories, key).catch((error: unknown) => {
    // The image itself has all that such an entry has.
    if (error instanceof StorageError) return undefined
    throw error
  })
  return blocks?.map(({ name, path, length }) => ({ id: name, path, offset: 0, length }))
}

async function keyOf(machine: SavedMachine): Promise<string> {
  const state = await machine.deviceState?.()
  if (state !== undefined && machine.pages !== undefined) return stateDigest(state)
  throw new ImageError(
    'IMAGE_UNSUPPORTED',
    `Pages of ${machine.path} cannot be read one by one: it is of format ${machine.format}`,
    { path: machine.path, hint: 'Convert it to the format stasis first' },
  )
}

async function build(
  directories: Directories,
  key: string,
  machine: SavedMachine,
  { signal, onProgress }: CacheAddOptions,
): Promise<void> {
  const { pages } = machine
  if (pages === undefined) return
  const { domain } = readDomain(parseDomainXml(machine.description.xml), {
    tolerant: true,
  })
  const ids = new Set(memoryBackends(domain).map(({ id }) => id))
  const counter = { ramBytes: 0, fileBytes: 0 }
  const ramTotalBytes = contentBytes(pages, ids)
  using _meter = watchTransfer(
    () => ({ ...counter, ramTotalBytes, transferredBytes: counter.ramBytes, channelBytes: [] }),
    (measure) => onProgress?.({ phase: 'reading', ...measure }),
  )
  await using draft = await NewCachedImage.create(directories)
  const blocks: { name: string; file: string; length: number }[] = []
  for (const [block, { name, length }] of pages.blocks.entries()) {
    if (!ids.has(name)) continue
    const file = `${block}.ram`
    await writeBlock(machine, block, join(draft.directory, file), { signal, counter })
    blocks.push({ name, file, length })
  }
  await draft.publish(key, { image: machine.path, blocks })
}

/** Bytes of the pages that an image has of these blocks. */
function contentBytes(pages: PageStore, names: ReadonlySet<string>): number {
  let bytes = 0
  for (let frame = 0; frame < pages.frameCount; frame += 1) {
    const { block, pageCount } = pages.range(frame)
    if (names.has(pages.blocks[block]?.name ?? '')) bytes += pageCount * PAGE_SIZE
  }
  return bytes
}

async function writeBlock(
  machine: SavedMachine,
  block: number,
  path: string,
  options: {
    readonly signal: AbortSignal | undefined
    readonly counter: { ramBytes: number; fileBytes: number }
  },
): Promise<void> {
  const { pages } = machine
  const { signal, counter } = options
  if (pages === undefined) return
  await using file = await DirectFile.open(path, 'create', { direct: false })
  await file.truncate(pages.blocks[block]?.length ?? 0)
  for (let frame = 0; frame < pages.frameCount; frame += 1) {
    const range = pages.range(frame)
    if (range.block !== block) continue
    throwIfCancelled(`add ${machine.path} to the cache`, signal)
    await file.write(await pages.read(frame, 0), range.firstPage * PAGE_SIZE)
    counter.ramBytes += range.pageCount * PAGE_SIZE
    counter.fileBytes += pages.storedLength(frame)
  }
  await file.sync()
}
