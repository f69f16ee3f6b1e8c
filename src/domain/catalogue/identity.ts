import { DomainError } from '../../errors.ts'
import { listEntries, listRuntimes, uuidOf } from './catalogue.ts'
import type { Directories } from '../store/directories.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { readRecord } from '../store/runtime-record.ts'

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

/**
 * `checkIdentity` for a domain whose definition has passed it: only domains that run can have taken its UUID since, so the definitions of others are not read.
 * @throws DomainError DOMAIN_EXISTS, StorageError
 */
export async function checkRunningIdentity(
  directories: Directories,
  domain: { readonly name: string; readonly uuid: string },
): Promise<void> {
  for (const name of await listRuntimes(directories)) {
    if (name === domain.name) continue
    const record = await readRecord(runtimePaths(directories, name)).catch(() => undefined)
    if (record?.uuid !== domain.uuid) continue
    throw new DomainError(
      'DOMAIN_EXISTS',
      `The UUID ${domain.uuid} already belongs to domain '${name}', which runs`,
      { hint: `Shut down '${name}' first, or give the definition another UUID` },
    )
  }
}
