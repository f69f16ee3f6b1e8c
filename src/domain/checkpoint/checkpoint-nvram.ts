import { join } from 'node:path'
import { copyToNew, isThere, removeFile, renameFile } from '../../io/files/file-names.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { CheckpointRecord } from '../store/checkpoints/checkpoint-record.ts'

/** The copy, in the directory of the checkpoint. */
const COPY = 'nvram.fd'

const draftOf = (path: string): string => `${path}.checkpoint`

/** Copies the UEFI variables of a domain into the directory of a checkpoint that is being made, if it has any. @throws StorageError */
export async function keepNvram({ os }: Domain, draft: string): Promise<void> {
  const path = os.nvram?.path
  if (path !== undefined && (await isThere(path))) await copyToNew(path, join(draft, COPY))
}

/** What the record of the checkpoint says about that copy. */
export async function keptNvram(
  { os }: Domain,
  { draft, complete }: { readonly draft: string; readonly complete: string },
): Promise<CheckpointRecord['nvram']> {
  const path = os.nvram?.path
  if (path === undefined || !(await isThere(join(draft, COPY)))) return undefined
  return { path, copy: join(complete, COPY) }
}

/** Copies the UEFI variables of a checkpoint beside those of its domain. A checkpoint with memory needs no copy: QEMU writes the variables back that are in the memory. @throws StorageError */
export async function prepareNvram({ nvram, memory }: CheckpointRecord): Promise<void> {
  if (nvram === undefined || memory !== undefined) return
  await dropNvram(nvram)
  await copyToNew(nvram.copy, draftOf(nvram.path))
}

/** Puts that copy in place, if it is there. @throws StorageError */
export async function renameNvram(nvram: CheckpointRecord['nvram']): Promise<void> {
  if (nvram !== undefined && (await isThere(draftOf(nvram.path))))
    await renameFile(draftOf(nvram.path), nvram.path)
}

/** Removes that copy. @throws StorageError */
export async function dropNvram(nvram: CheckpointRecord['nvram']): Promise<void> {
  if (nvram !== undefined) await removeFile(draftOf(nvram.path))
}
