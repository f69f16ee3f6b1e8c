import { DomainError } from '../../errors.ts'
import { listEntries, uuidOf } from './catalogue.ts'
import type { Directories } from '../store/directories.ts'

/**
 * Checks that name and UUID belong together: no other domain, defined or running, has one of them with a different other.
 * @throws DomainError DOMAIN_EXISTS
 */
export async function checkIdentity(
  directories: Directories,
  domain: { readonly name: string; readonly uuid: string },
): Promise<void> {
  for (const entry of await listEntries(directories)) {
    const uuid = await uuidOf(directories, entry)
    if (entry.name === domain.name && uuid !== '' && uuid !== domain.uuid) {
      throw new DomainError(
        'DOMAIN_EXISTS',
        `Domain '${domain.name}' already exists, with the UUID ${uuid}`,
        { hint: 'Use this UUID in the XML, or another name' },
      )
    }
    if (entry.name !== domain.name && uuid === domain.uuid) {
      throw new DomainError(
        'DOMAIN_EXISTS',
        `The UUID ${uuid} already belongs to domain '${entry.name}'`,
        { hint: 'Use another UUID in the XML, or omit it' },
      )
    }
  }
}
