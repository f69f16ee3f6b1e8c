import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { storageError } from '../../errors.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { isThere, removeFile, removeUnlocked } from '../../io/file-names.ts'
import type { Directories } from './directories.ts'
import type { DiskIdentity } from './disk-identity.ts'
import { writeDurably } from './durable-text.ts'

/** What is remembered of an image outside of it, so that no byte of it changes (docs/managed-save.md). */
export interface ImageHistory {
  /** Where it was when it was saved, or restored first. */
  readonly path: string
  /** The disks as the save left them, or as the first restore found them. */
  readonly disks: readonly DiskIdentity[]
  /** When its guest last ran on from it, ISO 8601; absent: never. */
  readonly restoredAt?: string
}

/** Few enough to look through at every save. */
const KEPT = 200
const ABANDONED_MS = 60_000

/**
 * What tells images apart: a digest of what they say about their machine. Ours say when they were made, so no two are
 * alike, and a copy of an image is the same image.
 */
export function imageId({ xml, cookie = '' }: MachineDescription): string {
  return createHash('sha256').update(`${xml}\0${cookie}`).digest('hex').slice(0, 40)
}

/** What is remembered of an image, if anything. */
export async function readHistory(
  directories: Directories,
  key: string,
): Promise<ImageHistory | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(historyPath(directories, key), 'utf8'))
    return isHistory(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Remembers, durably. @throws StorageError */
export async function writeHistory(
  directories: Directories,
  key: string,
  history: ImageHistory,
): Promise<void> {
  const directory = historyDirectory(directories)
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw storageError('make the state directory', directory, error)
  }
  await forgetGone(directories)
  await writeDurably(historyPath(directories, key), `${JSON.stringify(history)}\n`)
}

/** Remembers for an image whose description is about to change what was remembered of it. @throws StorageError */
export async function moveHistory(
  directories: Directories,
  from: string,
  to: string,
): Promise<void> {
  const history = await readHistory(directories, from)
  if (history !== undefined && from !== to) await writeHistory(directories, to, history)
}

/** Forgets an image that was removed. @throws StorageError */
export async function removeHistory(directories: Directories, key: string): Promise<void> {
  await removeFile(historyPath(directories, key))
}

/** Forgets images that are not where they were once there are many, and what writers that were killed left. */
async function forgetGone(directories: Directories): Promise<void> {
  const directory = historyDirectory(directories)
  const names = await readdir(directory).catch(() => [])
  for (const name of names.filter((one) => one.endsWith('.partial'))) {
    const path = join(directory, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
    // Another domain's writer has its lock only a moment after the file is there.
    if (Date.now() - mtimeMs > ABANDONED_MS) await removeUnlocked(path)
  }
  if (names.length < KEPT) return
  for (const name of names.filter((one) => one.endsWith('.json'))) {
    const key = name.slice(0, -'.json'.length)
    const history = await readHistory(directories, key)
    const there = history !== undefined && (await isThere(history.path))
    if (!there) await removeHistory(directories, key)
  }
}

function isHistory(value: unknown): value is ImageHistory {
  if (typeof value !== 'object' || value === null) return false
  const { path, disks } = value as Record<string, unknown>
  return typeof path === 'string' && Array.isArray(disks)
}

function historyDirectory(directories: Directories): string {
  return join(directories.stateDir, 'images')
}

function historyPath(directories: Directories, key: string): string {
  return join(historyDirectory(directories), `${key}.json`)
}
