import { stat } from 'node:fs/promises'
import { appendLine } from '../../io/records/append-line.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { removeFile } from '../../io/files/file-names.ts'
import { type JournalAuthor, type JournalEntry, entryLine } from './entry.ts'
import { currentFile, fullFile, fullFiles } from './journal-files.ts'

/** About 3000 entries. */
const MAX_BYTES = 1024 * 1024
const MAX_FILES = 16
const DAY_MS = 24 * 3600 * 1000

/** Acts that flush a file anyway, so that one more flush costs little. */
const DURABLE: ReadonlySet<string> = new Set([
  'save',
  'managedsave',
  'image-convert',
  'host-save',
  'checkpoint',
])

/**
 * Appends an entry to the journal in a directory, and removes older lines than it keeps. With `keepDays` 0 nothing is written.
 * @throws StorageError
 */
export async function appendEntry(
  directory: string,
  entry: JournalEntry,
  { keepDays }: { readonly keepDays: number },
): Promise<void> {
  if (keepDays === 0) return
  await makeDirectory(directory)
  const file = {
    path: currentFile(directory),
    maxBytes: MAX_BYTES,
    fullPath: () => fullFile(directory),
    durable: DURABLE.has(entry.act),
  }
  const begun = await appendLine(file, entryLine(entry))
  if (begun) await removeOld(directory, keepDays)
}

/** Whose process this is. */
export function thisAuthor(env: NodeJS.ProcessEnv = process.env): JournalAuthor {
  const sudoUser = env['SUDO_USER']
  return {
    pid: process.pid,
    uid: process.getuid?.() ?? -1,
    ...(sudoUser !== undefined && sudoUser !== '' && { sudoUser }),
  }
}

/** The last entry of a file is as old as the file. */
async function removeOld(directory: string, keepDays: number): Promise<void> {
  const full = await fullFiles(directory)
  const oldest = Date.now() - keepDays * DAY_MS
  for (const [index, path] of full.entries()) {
    const isOld = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0
    if (isOld < oldest || index < full.length - (MAX_FILES - 1)) await removeFile(path)
  }
}
