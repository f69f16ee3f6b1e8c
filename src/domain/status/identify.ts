import { findEntry, uuidOf } from '../catalogue/catalogue.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'

/** The identity of a domain. */
export interface DomainIdentity {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU while it runs. */
  readonly id: number | undefined
}

/** Name, UUID and id of a domain, given by any of them. @throws DomainError DOMAIN_NOT_FOUND, StorageError */
export async function identifyDomain(
  reference: string,
  options: DomainOptions,
): Promise<DomainIdentity> {
  const directories = await openDirectories(options)
  const entry = await findEntry(directories, reference)
  return { name: entry.name, uuid: await uuidOf(directories, entry), id: entry.record?.pid }
}
