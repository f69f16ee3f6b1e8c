import { join } from 'node:path'
import { namesIn } from '../../io/files/directory.ts'

/** The file that entries are appended to. */
export function currentFile(directory: string): string {
  return join(directory, 'journal.jsonl')
}

/** The path that the file gets when it is full: its name has the time. */
export function fullFile(directory: string): string {
  return join(
    directory,
    `journal-${new Date().toISOString().replaceAll(':', '.')}-${process.pid}.jsonl`,
  )
}

/** The files that are full, the oldest first. @throws StorageError */
export async function fullFiles(directory: string): Promise<readonly string[]> {
  const names = await namesIn(directory, 'read the journal')
  return names
    .filter((name) => /^journal-\d{4}-.*\.jsonl$/.test(name))
    .toSorted()
    .map((name) => join(directory, name))
}
