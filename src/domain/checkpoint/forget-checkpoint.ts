import { messageOf } from '../../errors.ts'
import { removeImage } from '../../image/remove-image.ts'
import { pageDigestPath } from '../../image/stasis/page-digest-file.ts'
import { removeFile } from '../../io/files/file-names.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { checkpointDirectory } from '../store/checkpoints/checkpoint-directory.ts'
import {
  readCheckpoints,
  requireCheckpoint,
  writeCheckpoint,
} from '../store/checkpoints/checkpoint-record.ts'
import { type CheckpointTree, writeTree } from '../store/checkpoints/checkpoint-tree.ts'
import { memoryFile } from './memory/memory-file.ts'

/** Takes a checkpoint out of the list, with its memory. Its children become those of its parent. Returns the new tree. @throws StorageError, DomainError CHECKPOINT_NOT_FOUND */
export async function forgetCheckpoint(
  held: HeldDomain,
  tree: CheckpointTree,
  name: string,
  onWarning: ((text: string) => void) | undefined,
): Promise<CheckpointTree> {
  const { directories, name: domain } = held
  const record = await requireCheckpoint(directories, domain, name)
  const current = tree.current === name ? record.parent : tree.current
  const directory = (one: string): string => checkpointDirectory(directories, domain, one)
  for (const child of await readCheckpoints(directories, domain))
    if (child.parent === name)
      await writeCheckpoint(directory(child.name), { ...child, parent: record.parent })
  const next = { ...tree, current }
  await writeTree(directories, domain, next)
  await writeCheckpoint(directory(name), { ...record, memory: undefined, deleted: true })
  if (record.memory !== undefined)
    await removeImage(record.memory.path).then(
      (texts) => texts.forEach((text) => onWarning?.(text)),
      (error: unknown) => onWarning?.(messageOf(error)),
    )
  await removeFile(pageDigestPath(memoryFile(directories, domain, name))).catch(() => undefined)
  return next
}
