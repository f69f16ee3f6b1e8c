import { readDescription } from '../../image/open-image.ts'
import { replaceDescription } from '../../image/replace-description.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { requireManagedSave } from './managed-save.ts'
import { recordEdit } from '../cookie/record-edit.ts'
import { replaceXml } from '../machine/replace-xml.ts'
import { type DomainXml, givenXml } from '../store/xml-text.ts'

/** The changes to a managed save. */
export interface DefineManagedSaveOptions extends DomainOptions {
  /** Whether the guest runs when it starts again. Default: as before. */
  readonly resumeAs?: ResumedState | undefined
}

/**
 * Changes the domain XML in the managed save of a domain, given by name or UUID; the guest must not see a difference.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY, DOMAIN_WRONG_STATE, DOMAIN_RUNNING; DomainXmlError; ImageError IMAGE_INCOMPATIBLE; StorageError
 * @example
 * const xml = await dumpManagedSaveXml('web')
 * await defineManagedSave('web', xml.replace('/old/disk', '/new/disk'))
 */
export async function defineManagedSave(
  reference: string,
  xml: DomainXml,
  options: DefineManagedSaveOptions = {},
): Promise<{ readonly name: string }> {
  await using held = await HeldDomain.find(reference, 'managedsave-define', options)
  const { name, paths } = held
  held.requireOff()
  await requireManagedSave(held)
  const old = await readDescription(paths.managedSave)
  const description = {
    id: old.id,
    xml: replaceXml(old.xml, givenXml(xml), held.directories.runtimeDir),
    cookie: old.cookie,
    wasRunning: options.resumeAs === undefined ? old.wasRunning : options.resumeAs === 'running',
  }
  await recordEdit(held.directories, old, description)
  await replaceDescription(paths.managedSave, description)
  return { name }
}
