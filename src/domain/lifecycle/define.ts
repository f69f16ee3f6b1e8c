import { type DomainXml, givenXml } from '../store/xml-text.ts'
import { openDirectories } from '../store/directories.ts'
import { checkIdentity } from '../catalogue/identity.ts'
import { readDefinition, writeDefinition } from '../store/definitions.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { rememberNetworks } from '../store/host/known-networks.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { hasManagedImage, refuseManagedImage } from '../store/saves/managed-image.ts'
import { checkRemovable } from '../store/saves/own-managed-image.ts'
import { removeManagedImage } from '../store/saves/remove-managed-image.ts'
import type { AllowOptions } from '../trust/allow-rules.ts'
import { requireEmulator, requireUnchecked } from '../trust/trust.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { NetworkOptions } from '../networks/network-target.ts'
import { type UnsupportedOptions, prepareMachine } from '../machine/prepare-machine.ts'

/** How to define a domain. */
export interface DefineOptions
  extends DomainOptions, UnsupportedOptions, AllowOptions, Pick<NetworkOptions, 'networks'> {
  /** Delete a managed save that would no longer fit the definition. */
  readonly removeManagedSave?: boolean | undefined
}

/**
 * Defines a domain from libvirt domain XML, or changes the definition of a domain. Open values (UUID, machine version,
 * addresses) are filled in and then stay the same. A running domain does not change until its next start.
 * @throws DomainXmlError, DomainError DOMAIN_HAS_MANAGED_SAVE if the definition changes and there is a managed save, DOMAIN_EXISTS if another domain has the name or UUID, QemuError, StorageError
 * @example
 * const text = await readFile('web.xml', 'utf8')
 * const { name, uuid } = await defineDomain({ text, path: 'web.xml' })
 */
export async function defineDomain(
  xml: DomainXml,
  options: DefineOptions = {},
): Promise<{ readonly name: string; readonly uuid: string }> {
  const directories = await openDirectories(options)
  const { domain, uuid, ...prepared } = await prepareMachine(givenXml(xml), directories, {
    ...options,
    admit: (draft) => admitDefinition(draft, options),
  })
  await using held = await HeldDomain.named(domain.name, 'define', options)
  await checkIdentity(directories, { name: held.name, uuid })
  const changes = (await readDefinition(directories, held.name)) !== prepared.xml
  if (changes && options.removeManagedSave !== true)
    await refuseManagedImage(held.name, held.paths, 'changed', '--remove-managed-save')
  const outdated = changes && (await hasManagedImage(held.paths))
  if (outdated) await checkRemovable(directories, held.paths)
  await rememberNetworks(directories, options.networks ?? {})
  await writeDefinition(directories, held.name, prepared.xml)
  // Last, so that a failed `define` costs no saved state.
  if (outdated)
    for (const text of await removeManagedImage(directories, held.paths)) options.onWarning?.(text)
  return { name: held.name, uuid }
}

/** Checks that the programs and arguments that a new domain names may be used. @throws QemuError QEMU_UNTRUSTED */
export async function admitDefinition(draft: Domain, options: AllowOptions): Promise<void> {
  await requireEmulator(draft, options)
  await requireUnchecked(draft, options)
}
