import { copyToNew, isThere, removeFile, renameFile } from '../../io/files/file-names.ts'
import type { CheckpointRecord } from '../store/checkpoints/checkpoint-record.ts'

const draftOf = (path: string): string => `${path}.checkpoint`

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
