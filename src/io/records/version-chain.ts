import { link, open, readFile, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { StorageError } from '../../errors.ts'
import { hostTag } from '../host-id.ts'
import { storageError } from '../storage-error.ts'
import { makeDirectory } from '../files/directory.ts'
import { isAbsence } from '../files/file-names.ts'
import { syncDirectory } from '../files/partial-file.ts'

/** One version of a text that several hosts change. */
export interface Version {
  /** From 1. */
  readonly number: number
  readonly text: string
}

/** Older versions that stay, for people. */
const KEPT = 3

/** A temporary file that is this much older than a new one belongs to a dead writer. */
const ABANDONED_MS = 3600_000

/** Versions come and go between a list and a read. */
const ATTEMPTS = 100

/**
 * The newest version of a text in a directory with a file `NUMBER.json` for each; `undefined` when there is none. Another host may see it a little later,
 * because of its cache; `addVersion` does not depend on that.
 * @throws StorageError
 */
export async function newestVersion(directory: string): Promise<Version | undefined> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const number = Math.max(...(await numbersIn(directory)), 0)
    if (number === 0) return undefined
    try {
      return { number, text: await readFile(pathOf(directory, number), 'utf8') }
    } catch (error) {
      // A newer version has replaced it.
      if (!isAbsence(error)) throw storageError('read the file', pathOf(directory, number), error)
    }
  }
  throw new StorageError('IO_ERROR', `Could not read ${directory}: it changes all the time`, {
    path: directory,
  })
}

/**
 * Adds a version durably after version `after` (0: the first), unless that is not the newest any more: a compare and swap between hosts. It depends
 * only on link(2), which is atomic on NFS and cluster file systems, and not on locks. Returns whether the version was added.
 * @throws StorageError
 */
export async function addVersion(directory: string, after: number, text: string): Promise<boolean> {
  const number = after + 1
  await makeDirectory(directory)
  const draft = join(directory, `.${number}.${process.pid}-${nextDraft()}-${hostTag()}.partial`)
  try {
    await writeNew(draft, text)
    // After our own change of the directory, an NFS client does not answer from its cache.
    if ((await newestNumber(directory)) !== after) return false
    if (!(await linked(draft, pathOf(directory, number)))) return false
    // A slow process may have made a version again that was removed meanwhile.
    if ((await newestNumber(directory)) !== number) {
      await unlink(pathOf(directory, number)).catch(() => undefined)
      return false
    }
    await syncDirectory(directory)
    await removeOld(directory, number, draft)
    return true
  } catch (error) {
    throw storageError('write the record', pathOf(directory, number), error)
  } finally {
    await unlink(draft).catch(() => undefined)
  }
}

let drafts = 0

function nextDraft(): number {
  drafts += 1
  return drafts
}

async function writeNew(path: string, text: string): Promise<void> {
  await using handle = await open(path, 'wx', 0o600)
  await handle.writeFile(text)
  await handle.sync()
}

/** Over NFS a call that has succeeded can fail, because its answer was lost: the number of names is the truth. */
async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((await stat(draft)).nlink > 1) return true
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function newestNumber(directory: string): Promise<number> {
  return Math.max(...(await numbersIn(directory)), 0)
}

async function numbersIn(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (isAbsence(error)) return []
    throw storageError('read the directory', directory, error)
  })
  return names.flatMap((name) => {
    const [, digits] = /^([1-9]\d{0,14})\.json$/.exec(name) ?? []
    return digits === undefined ? [] : [Number(digits)]
  })
}

/** Removes what nobody needs any more. What cannot be removed stays. */
async function removeOld(directory: string, newest: number, draft: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  const now = (await stat(draft).catch(() => undefined))?.mtimeMs
  for (const name of names) {
    const path = join(directory, name)
    const [, digits] = /^([1-9]\d{0,14})\.json$/.exec(name) ?? []
    const isOld = digits !== undefined && Number(digits) < newest - KEPT
    // Both times come from the same clock: that of the file system.
    const isAbandoned =
      name.startsWith('.') &&
      now !== undefined &&
      now - ((await stat(path).catch(() => undefined))?.mtimeMs ?? now) > ABANDONED_MS
    if (isOld || isAbandoned) await unlink(path).catch(() => undefined)
  }
}

function pathOf(directory: string, number: number): string {
  return join(directory, `${number}.json`)
}
