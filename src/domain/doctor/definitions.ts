import { StasisError } from '../../errors.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { listDefinitions, readDefinition } from '../store/definitions.ts'
import type { Directories } from '../store/directories.ts'

/** A defined domain. */
export interface DefinedDomain {
  readonly name: string
  readonly domain: Domain
}

/** All defined domains. Those that cannot be read are left out: the commands that use them report it. @throws StorageError */
export async function definedDomains(directories: Directories): Promise<readonly DefinedDomain[]> {
  const found: DefinedDomain[] = []
  for (const name of await listDefinitions(directories)) {
    try {
      const xml = await readDefinition(directories, name)
      if (xml === undefined) continue
      found.push({ name, domain: readDomain(parseDomainXml(xml), { tolerant: true }).domain })
    } catch (error) {
      if (!(error instanceof StasisError)) throw error
    }
  }
  return found
}

/** Names for a sentence: `'a', 'b' and 3 more`. */
export function namesOf(domains: readonly { readonly name: string }[]): string {
  const names = domains.map(({ name }) => `'${name}'`)
  const rest = names.length - 4
  return rest > 0 ? `${names.slice(0, 4).join(', ')} and ${rest} more` : names.join(', ')
}
