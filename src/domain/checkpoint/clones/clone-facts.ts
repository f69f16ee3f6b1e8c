import { DomainError, StorageError, UsageError } from '../../../errors.ts'
import { kindOf } from '../../../io/files/given-path.ts'
import { listEntries } from '../../catalogue/catalogue.ts'
import { HeldDomain } from '../../catalogue/held-domain.ts'
import { liveDomain } from '../../catalogue/live-domain.ts'
import { freeSpace, mostSpace } from '../../save/save-space.ts'
import type { Directories } from '../../store/directories.ts'
import { writableDisks } from '../../store/disks/disk-identity.ts'
import { checkDomainName } from '../../store/domain-name.ts'
import type { DomainOptions } from '../../store/domain-options.ts'

/** What is known about a running domain before it is cloned. */
export interface CloneFacts {
  readonly name: string
  readonly directories: Directories
  readonly hasDisks: boolean
}

/** Checks that clones with these names can be made, before anything happens. @throws DomainError, StorageError NO_SPACE */
export async function lookForClones(
  reference: string,
  names: readonly string[],
  memoryDirectory: string,
  options: DomainOptions,
): Promise<CloneFacts> {
  await using held = await HeldDomain.look(reference, 'clone', options)
  const { pid } = held.requireRunning()
  const known = new Set((await listEntries(held.directories)).map(({ name }) => name))
  const taken = names.find((name) => known.has(name))
  if (taken !== undefined)
    throw new DomainError('DOMAIN_EXISTS', `Domain '${taken}' already exists`, {
      hint: 'Choose another name for the clone',
    })
  const domain = await liveDomain(held.paths)
  const neededBytes = await mostSpace(pid, domain.memoryBytes)
  const freeBytes = (await freeSpace(memoryDirectory)) ?? 0
  if (freeBytes < neededBytes)
    throw new StorageError(
      'NO_SPACE',
      `${memoryDirectory} has no space for the memory of domain '${held.name}'`,
      {
        path: memoryDirectory,
        space: { neededBytes, freeBytes },
        hint: 'Name another directory on a file system in memory (tmpfs) with --memory-directory',
      },
    )
  return {
    name: held.name,
    directories: held.directories,
    hasDisks: writableDisks(domain).length > 0,
  }
}

/** @throws UsageError BAD_ARGUMENT for names that clones cannot have */
export function checkCloneNames(names: readonly string[]): void {
  const given: unknown = names
  if (!Array.isArray(given))
    throw new UsageError('BAD_ARGUMENT', `The names must be a list, not ${kindOf(given)}`)
  for (const name of names) checkDomainName(name)
  if (names.length === 0) throw new UsageError('BAD_ARGUMENT', 'A clone needs a name')
  if (new Set(names).size < names.length)
    throw new UsageError('BAD_ARGUMENT', 'Each clone needs another name')
}
