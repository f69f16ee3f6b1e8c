import { stat } from 'node:fs/promises'
import { checkpointDirectory } from '../../store/checkpoints/checkpoint-directory.ts'
import {
  type CheckpointRecord,
  writeCheckpoint,
} from '../../store/checkpoints/checkpoint-record.ts'
import type { Directories } from '../../store/directories.ts'
import { keptMemory } from './memory-file.ts'

const BLOCK = 512

/** Records the size of a memory that was written anew. */
export async function recordSize(
  directories: Directories,
  domain: string,
  record: CheckpointRecord,
): Promise<void> {
  const path = keptMemory(directories, domain, record)
  if (path === undefined) return
  const { blocks } = await stat(path)
  const directory = checkpointDirectory(directories, domain, record.name)
  await writeCheckpoint(directory, { ...record, memory: { path, bytes: blocks * BLOCK } })
}
