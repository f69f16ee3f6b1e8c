import { readText } from '../../io/records/text-file.ts'
import { type JournalEntry, parseEntry } from './entry.ts'
import { currentFile, fullFiles } from './journal-files.ts'

/** The content of the journal. */
export interface JournalContent {
  /** The oldest first. */
  readonly entries: readonly JournalEntry[]
  /** Lines that cannot be read. */
  readonly unreadable: readonly { readonly path: string; readonly line: number }[]
}

/** The journal in a directory. @throws StorageError */
export async function readJournal(directory: string): Promise<JournalContent> {
  const current = currentFile(directory)
  // A file that becomes full meanwhile is read twice rather than not at all.
  const last = await readText(current)
  const texts: (readonly [path: string, text: string])[] = []
  for (const path of await fullFiles(directory)) {
    const text = await readText(path)
    if (text !== undefined && text !== last) texts.push([path, text])
  }
  if (last !== undefined) texts.push([current, last])
  const unreadable: { path: string; line: number }[] = []
  const entries = texts.flatMap(([path, text]) =>
    text.split('\n').flatMap((line, index) => {
      if (line.trim() === '') return []
      const entry = parseEntry(line)
      if (entry === undefined) unreadable.push({ path, line: index + 1 })
      return entry === undefined ? [] : [entry]
    }),
  )
  return { entries, unreadable }
}
