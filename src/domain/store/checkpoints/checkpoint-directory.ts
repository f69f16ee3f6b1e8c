import { join } from 'node:path'
import { UsageError } from '../../../errors.ts'
import { namesIn, removeTree } from '../../../io/files/directory.ts'
import type { Directories } from '../directories.ts'
import { isDomainName } from '../domain-name.ts'

/** The file of a tree, in the directory with the directories of the checkpoints. */
export const TREE_NAME = 'tree.json'

/** The directory of the checkpoints of a domain. */
export function checkpointsDirectory(
  { stateDir }: Pick<Directories, 'stateDir'>,
  name: string,
): string {
  return join(stateDir, 'checkpoints', name)
}

/** The directory of a checkpoint, or of one that is being made: nobody lists that. */
export function checkpointDirectory(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
  checkpoint: string,
  stage: 'complete' | 'partial' = 'complete',
): string {
  return join(
    checkpointsDirectory(directories, domain),
    `${stage === 'partial' ? '.' : ''}${checkpoint}`,
  )
}

/** @throws UsageError BAD_ARGUMENT for an impossible name */
export function checkCheckpointName(name: string): void {
  if (isDomainName(name) && !name.startsWith('.') && name !== TREE_NAME && name.length <= 200)
    return
  throw new UsageError('BAD_ARGUMENT', `'${name}' cannot be the name of a checkpoint`, {
    hint: 'A name has at most 200 characters, no slash, and does not begin with a dot',
  })
}

/** Removes what is left of checkpoints that were never listed. Callers hold the domain, and make none. @throws StorageError */
export async function removeDrafts(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
): Promise<void> {
  const directory = checkpointsDirectory(directories, domain)
  for (const name of await namesIn(directory, 'list the checkpoints'))
    if (name.startsWith('.')) await removeTree(join(directory, name))
}

/** The names of the domains that have a tree of checkpoints. @throws StorageError */
export async function domainsWithCheckpoints({
  stateDir,
}: Pick<Directories, 'stateDir'>): Promise<readonly string[]> {
  const names = await namesIn(join(stateDir, 'checkpoints'), 'list the domains with checkpoints')
  return names.filter(isDomainName)
}
