import { DomainError } from '../../../errors.ts'
import { localPath } from '../../../qemu/domain-xml/model/storage/disk-source.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import { keyOf } from '../../catalogue/files/guest-files.ts'
import { domainsWithCheckpoints } from '../../store/checkpoints/checkpoint-directory.ts'
import { readTree } from '../../store/checkpoints/checkpoint-tree.ts'
import type { Directories } from '../../store/directories.ts'

/**
 * Refuses a machine that would write to a disk that a checkpoint keeps, or on which the overlay of another guest is built: both would be lost.
 * @throws DomainError DOMAIN_DISK_KEPT; StorageError
 */
export async function refuseKeptDisks(domain: Domain, directories: Directories): Promise<void> {
  const owners = await domainsWithCheckpoints(directories)
  if (owners.length === 0) return
  const kept = new Map<string, { readonly path: string; readonly owner: string }>()
  for (const owner of owners)
    for (const { backing } of (await readTree(directories, owner)).overlays) {
      const key = (await keyOf(backing))?.key
      if (key !== undefined) kept.set(key, { path: backing, owner })
    }
  for (const { target, readonly, source } of domain.disks) {
    const path = source === undefined ? undefined : localPath(source)
    const key = readonly || path === undefined ? undefined : (await keyOf(path))?.key
    const found = key === undefined ? undefined : kept.get(key)
    if (found === undefined) continue
    throw new DomainError(
      'DOMAIN_DISK_KEPT',
      `A checkpoint of domain '${found.owner}' keeps ${found.path}, and domain '${domain.name}' would write to it as ${target}`,
      {
        path: found.path,
        hint: `\`stasis checkpoint-list ${found.owner}\` shows the checkpoints; \`stasis checkpoint-revert\` returns to one, \`stasis domblklist ${found.owner}\` shows the file that the domain uses now`,
      },
    )
  }
}
