import { DomainError } from '../errors.ts'
import { readDefinition, removeDefinition } from './definitions.ts'
import type { DomainOptions } from './domain-options.ts'
import { HeldDomain } from './held-domain.ts'

/**
 * Forgets the definition of a domain, given by name, UUID or id. One that runs goes on and is gone when it ends.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY, StorageError
 */
export async function undefineDomain(
  reference: string,
  options: DomainOptions = {},
): Promise<{ readonly name: string }> {
  await using domain = await HeldDomain.find(reference, 'undefine', options)
  const { name, directories } = domain
  if ((await readDefinition(directories, name)) === undefined) {
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined: it only runs`, {
      hint: `\`stasis destroy ${name}\` ends it`,
    })
  }
  await removeDefinition(directories, name)
  return { name }
}
