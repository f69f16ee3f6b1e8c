import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BenchRecord } from './bench-record.ts'
import { reportText } from './markdown.ts'
import { picturesOf } from './pictures.ts'
import { tablesOf } from './tables-of.ts'

const PICTURES = 'pictures/benchmarks'

/** The files of the report by their paths in `docs/`: the page and its pictures. */
export function reportFiles(records: readonly BenchRecord[]): ReadonlyMap<string, string> {
  const [record] = records
  if (record === undefined) throw new Error('report needs the files that --json wrote')
  const pictures = picturesOf(tablesOf(records), record.limits)
  return new Map([
    ['benchmarks.md', reportText(records, pictures, PICTURES)],
    ...pictures.map(({ name, svg }) => [`${PICTURES}/${name}.svg`, svg] as const),
  ])
}

/** Writes the report, in place of an older one. */
export async function writeReport(docs: string, records: readonly BenchRecord[]): Promise<void> {
  const files = reportFiles(records)
  await rm(join(docs, PICTURES), { recursive: true, force: true })
  for (const [path, text] of files) {
    await mkdir(dirname(join(docs, path)), { recursive: true })
    await writeFile(join(docs, path), text)
  }
}
