import { domainsWithCheckpoints } from '../../store/checkpoints/checkpoint-directory.ts'
import { listedCheckpoints } from '../../store/checkpoints/checkpoint-record.ts'
import type { Directories } from '../../store/directories.ts'

/** The memory of a checkpoint: an image without which nobody can return to it. */
export interface CheckpointMemory {
  readonly domain: string
  readonly checkpoint: string
  readonly path: string
}

/** The memory of the checkpoints of all domains. @throws StorageError */
export async function memoryOfCheckpoints(
  directories: Pick<Directories, 'stateDir'>,
): Promise<readonly CheckpointMemory[]> {
  const found: CheckpointMemory[] = []
  for (const domain of await domainsWithCheckpoints(directories))
    for (const { name: checkpoint, memory } of await listedCheckpoints(directories, domain))
      if (memory !== undefined) found.push({ domain, checkpoint, path: memory.path })
  return found
}
