import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import type { Random } from '../random.ts'
import type { Change } from './journal.ts'

/** What a name leads to. */
export type Entry =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'directory' }
  | { readonly kind: 'link'; readonly to: string }

/** The content of a disk: names by their paths, and files by an id, which survives renames. */
export interface DiskState {
  readonly names: Map<string, Entry>
  readonly files: Map<string, Buffer>
}

/** Chooses which of the changes that no sync covers have reached the disk. */
export interface Survivors {
  /** How many changes of the names in a directory, of so many: the file systems of Linux keep their order. */
  readonly names: (count: number) => number
  /** Whether a write reached the disk; a number if only so many of its 512-byte sectors did. */
  readonly write: (sectors: number) => boolean | number
}

export const NOTHING_MORE: Survivors = { names: () => 0, write: () => false }
export const EVERYTHING: Survivors = { names: (count) => count, write: () => true }

/** Random survivors: prefixes of names, any writes, torn ones among them. */
export function randomSurvivors(random: Random): Survivors {
  return {
    names: (count) => random.below(count + 1),
    write: (sectors) => (random.fraction() < 0.3 ? random.below(sectors) : random.fraction() < 0.5),
  }
}

const SECTOR = 512

/**
 * The disk after a power cut behind the first `count` changes. A change is on it if a sync that ended before covers it; of the others those are on it that
 * `survivors` chooses. Changes of names count for the directory that they are in, and a rename between directories for the one that it leads to.
 */
export function afterPowerCut(
  start: DiskState,
  changes: readonly Change[],
  count: number,
  survivors: Survivors,
): DiskState {
  const begun = changes.slice(0, count)
  const durable = durableChanges(begun)
  const pending = new Map<string, number[]>()
  begun.forEach((change, index) => {
    const directory = directoryOf(change)
    if (directory === undefined || durable.has(index)) return
    pending.set(directory, [...(pending.get(directory) ?? []), index])
  })
  const kept = new Set(durable)
  for (const indexes of pending.values())
    for (const index of indexes.slice(0, survivors.names(indexes.length))) kept.add(index)

  const state: DiskState = { names: new Map(start.names), files: new Map(start.files) }
  const whole = lastWhole(begun, durable)
  const generations = new Map<number, number>()
  begun.forEach((change, index) => {
    if (change.act === 'create') {
      const generation = (generations.get(change.file) ?? 0) + 1
      generations.set(change.file, generation)
      // The inode of a removed file is used again.
      if (!state.files.has(idOf(change.file, generation)))
        state.files.set(idOf(change.file, generation), Buffer.alloc(0))
    }
    const fileId = 'file' in change ? idOf(change.file, generations.get(change.file) ?? 0) : ''
    if (directoryOf(change) !== undefined) {
      if (kept.has(index)) applyName(state.names, change, fileId)
    } else if (change.act === 'write' || change.act === 'truncate' || change.act === 'content') {
      const isDurable = durable.has(index) ? true : undefined
      // What was written before a content that is on the disk does not show.
      if (isDurable === undefined || index >= (whole.get(fileId) ?? 0))
        applyData(state.files, fileId, change, isDurable, survivors)
    }
  })
  return state
}

/** The id of a file in a snapshot or a journal. */
export function idOf(inode: number, generation = 0): string {
  return `${inode}#${generation}`
}

/** The same for disks with the same names and contents. */
export function digestOf({ names, files }: DiskState): string {
  const hash = createHash('sha256')
  for (const [path, entry] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${path}\0${entry.kind}\0`)
    if (entry.kind === 'file') hash.update(digestOfBytes(files.get(entry.file) ?? Buffer.alloc(0)))
    if (entry.kind === 'link') hash.update(entry.to)
  }
  return hash.digest('hex')
}

const digests = new WeakMap<Buffer, Buffer>()

function digestOfBytes(bytes: Buffer): Buffer {
  let digest = digests.get(bytes)
  if (digest === undefined) {
    digest = createHash('sha256').update(bytes).digest()
    digests.set(bytes, digest)
  }
  return digest
}

const decoded = new WeakMap<Change, Buffer>()

/** The bytes of a change: the same object each time. */
function bytesOf(change: Change & { readonly data: string }): Buffer {
  let bytes = decoded.get(change)
  if (bytes === undefined) decoded.set(change, (bytes = Buffer.from(change.data, 'base64')))
  return bytes
}

/** The last durable content of each file. */
function lastWhole(
  begun: readonly Change[],
  durable: ReadonlySet<number>,
): ReadonlyMap<string, number> {
  const generations = new Map<number, number>()
  const found = new Map<string, number>()
  begun.forEach((change, index) => {
    if (change.act === 'create')
      generations.set(change.file, (generations.get(change.file) ?? 0) + 1)
    if (change.act === 'content' && durable.has(index))
      found.set(idOf(change.file, generations.get(change.file) ?? 0), index)
  })
  return found
}

function durableChanges(begun: readonly Change[]): Set<number> {
  const durable = new Set<number>()
  const syncs = new Map<
    string,
    { readonly index: number; readonly change: Change & { act: 'sync-begin' } }
  >()
  begun.forEach((change, index) => {
    if (change.act === 'sync-begin') syncs.set(change.id, { index, change })
    if (change.act !== 'sync-end') return
    const sync = syncs.get(change.id)
    if (sync === undefined) return
    const { file, directory } = sync.change
    begun.slice(0, sync.index).forEach((earlier, at) => {
      const covered =
        directory === undefined
          ? directoryOf(earlier) === undefined && 'file' in earlier && earlier.file === file
          : directoryOf(earlier) === directory
      if (covered) durable.add(at)
    })
  })
  return durable
}

/** The directory whose names a change changes. */
function directoryOf(change: Change): string | undefined {
  switch (change.act) {
    case 'create':
    case 'link':
    case 'unlink':
    case 'mkdir':
    case 'rmdir':
    case 'tree-gone':
    case 'symlink':
      return dirname(change.path)
    case 'rename':
    case 'exchange':
      return dirname(change.to)
    default:
      return undefined
  }
}

function applyName(names: Map<string, Entry>, change: Change, fileId: string): void {
  switch (change.act) {
    case 'create':
    case 'link':
      put(names, change.path, { kind: 'file', file: fileId })
      break
    case 'mkdir':
      put(names, change.path, { kind: 'directory' })
      break
    case 'symlink':
      put(names, change.path, { kind: 'link', to: change.to })
      break
    case 'unlink':
    case 'rmdir':
    case 'tree-gone':
      take(names, change.path)
      break
    case 'rename': {
      const moved = take(names, change.path)
      if (moved.size > 0) take(names, change.to)
      place(names, moved, change.to)
      break
    }
    case 'exchange': {
      const one = take(names, change.path)
      const other = take(names, change.to)
      place(names, one, change.to)
      place(names, other, change.path)
      break
    }
    default:
  }
}

function put(names: Map<string, Entry>, path: string, entry: Entry): void {
  if (names.get(dirname(path))?.kind === 'directory') names.set(path, entry)
}

/** Removes a name and what is below it; returns both by their paths below it. */
function take(names: Map<string, Entry>, path: string): Map<string, Entry> {
  const taken = new Map<string, Entry>()
  for (const [name, entry] of names)
    if (name === path || name.startsWith(`${path}/`)) taken.set(name.slice(path.length), entry)
  for (const rest of taken.keys()) names.delete(path + rest)
  return taken
}

function place(names: Map<string, Entry>, moved: ReadonlyMap<string, Entry>, path: string): void {
  for (const [rest, entry] of moved) put(names, path + rest, entry)
}

function applyData(
  files: Map<string, Buffer>,
  id: string,
  change: Change & { act: 'write' | 'truncate' | 'content' },
  isDurable: true | undefined,
  survivors: Survivors,
): void {
  const before = files.get(id) ?? Buffer.alloc(0)
  if (change.act === 'truncate') {
    if (isDurable ?? survivors.write(1) === true) files.set(id, resized(before, change.length))
    return
  }
  const data = bytesOf(change)
  const kept = isDurable ?? survivors.write(Math.ceil(data.length / SECTOR))
  if (kept === false) return
  if (change.act === 'content') {
    if (kept === true) files.set(id, data)
    return
  }
  const part = kept === true ? data : data.subarray(0, kept * SECTOR)
  const after = resized(before, Math.max(before.length, change.at + part.length))
  part.copy(after, change.at)
  files.set(id, after)
}

function resized(bytes: Buffer, length: number): Buffer {
  const copy = Buffer.alloc(length)
  bytes.copy(copy, 0, 0, Math.min(length, bytes.length))
  return copy
}
