import { dirname } from 'node:path'
import { makeDirectory } from '../../io/files/directory.ts'
import { removeFile } from '../../io/files/file-names.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** Records which overlays a domain is about to get for its transient disks, so that any process can remove them later, even after a power cut. @throws StorageError */
export async function recordOverlays(
  { overlays }: RuntimePaths,
  paths: readonly string[],
): Promise<void> {
  await makeDirectory(dirname(overlays))
  await writeRecordFile(OVERLAYS, overlays, { paths }, { durable: true })
}

/** Removes the overlays of a domain that does not run. @throws StorageError */
export async function removeOverlays({ overlays }: RuntimePaths): Promise<void> {
  const record = await readRecordFile(OVERLAYS, overlays)
  if (record === undefined) return
  for (const path of record.paths) await removeFile(path)
  await removeFile(overlays)
}

const OVERLAYS: RecordKind<{ readonly paths: readonly string[] }> = {
  what: 'the record of the overlays of transient disks',
  version: 1,
  parse(value) {
    const paths = fieldsOf(value)?.['paths']
    if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string')) return undefined
    return { paths }
  },
  hint: 'Remove the file, and the files beside the disks whose names end in .TRANSIENT and the name of the domain',
}
