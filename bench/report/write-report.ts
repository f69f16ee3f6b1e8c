import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchRecord } from './bench-record.ts'
import { reportText } from './markdown.ts'
import { picturesOf } from './pictures.ts'
import { tablesOf } from './tables-of.ts'

const docs = join(import.meta.dirname, '../../docs')
const PICTURES = 'pictures/benchmarks'

/** Writes `docs/benchmarks.md` and its pictures. */
export async function writeReport(records: readonly BenchRecord[]): Promise<void> {
  const record = records.at(-1)
  if (record === undefined) throw new Error('report needs the files that --json wrote')
  const pictures = picturesOf(tablesOf(records), record.limits)
  await rm(join(docs, PICTURES), { recursive: true, force: true })
  await mkdir(join(docs, PICTURES), { recursive: true })
  for (const { name, svg } of pictures) await writeFile(join(docs, PICTURES, `${name}.svg`), svg)
  await writeFile(join(docs, 'benchmarks.md'), reportText(records, pictures, PICTURES))
}
