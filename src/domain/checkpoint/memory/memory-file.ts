import { join } from 'node:path'
import { checkpointDirectory } from '../../store/checkpoints/checkpoint-directory.ts'
import type { CheckpointRecord } from '../../store/checkpoints/checkpoint-record.ts'
import type { Directories } from '../../store/directories.ts'

const MEMORY = 'memory.save'

/** Where Stasis keeps the memory of a checkpoint, or of one that is being made. */
export function memoryFile(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
  checkpoint: string,
  stage: 'complete' | 'partial' = 'complete',
): string {
  return join(checkpointDirectory(directories, domain, checkpoint, stage), MEMORY)
}

/** The memory of a checkpoint, if it is where Stasis keeps it: only there can it need another, or be needed by one. */
export function keptMemory(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
  { name, memory }: Pick<CheckpointRecord, 'name' | 'memory'>,
): string | undefined {
  const path = memoryFile(directories, domain, name)
  return memory?.path === path ? path : undefined
}
