import { DomainError } from '../../../errors.ts'
import type { Directories } from '../directories.ts'
import { listedCheckpoints } from './checkpoint-record.ts'
import { readTree } from './checkpoint-tree.ts'

/** @throws DomainError DOMAIN_HAS_CHECKPOINTS when the domain has checkpoints */
export async function refuseCheckpoints(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
  attempt: string,
  hint?: string,
): Promise<void> {
  const { pending } = await readTree(directories, domain)
  const listed = await listedCheckpoints(directories, domain)
  if (listed.length === 0 && pending === undefined) return
  const count = listed.length === 1 ? 'a checkpoint' : `${listed.length} checkpoints`
  throw new DomainError(
    'DOMAIN_HAS_CHECKPOINTS',
    `Domain '${domain}' has ${count}, so it cannot be ${attempt}`,
    {
      hint:
        hint ??
        `\`stasis checkpoint-list ${domain}\` shows them, \`stasis checkpoint-delete\` deletes one`,
    },
  )
}
