import { removeFile } from '../../io/files/file-names.ts'
import { child } from '../../qemu/domain-xml/access.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { DomainError } from '../../errors.ts'
import { autostartPath, autostartOf, markAutostart } from '../catalogue/autostart.ts'
import { readDefinition, renameDefinition, writeDefinition } from '../store/definitions.ts'
import type { DomainOptions, WarningOptions } from '../store/domain-options.ts'
import { refuseCheckpoints } from '../store/checkpoints/refuse-checkpoints.ts'
import { checkDomainName } from '../store/domain-name.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { refuseManagedImage, refuseSafetyCopy } from '../store/saves/managed-image.ts'
import { orderPath } from '../store/saves/page-order-file.ts'

/**
 * Renames a defined domain that is not running, given by name or UUID.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_RUNNING, DOMAIN_EXISTS, DOMAIN_HAS_MANAGED_SAVE, DOMAIN_HAS_CHECKPOINTS, DOMAIN_BUSY; UsageError, StorageError
 * @example
 * await renameDomain('web', 'web-old')
 */
export async function renameDomain(
  reference: string,
  newName: string,
  options: DomainOptions & WarningOptions = {},
): Promise<{ readonly name: string }> {
  checkDomainName(newName)
  await using held = await HeldDomain.find(reference, 'domrename', options)
  const { name, paths, directories } = held
  held.requireOff()
  if (name === newName)
    throw new DomainError('DOMAIN_EXISTS', `Domain '${name}' has this name already`)
  const xml = await readDefinition(directories, name)
  if (xml === undefined)
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined`)
  await refuseManagedImage(name, paths, 'renamed', undefined)
  await refuseCheckpoints(directories, name, 'renamed')
  await refuseSafetyCopy(name, paths, 'renamed', undefined)
  await using other = await HeldDomain.named(newName, 'domrename', options)
  if (other.record !== undefined || (await readDefinition(directories, newName)) !== undefined)
    throw new DomainError('DOMAIN_EXISTS', `Domain '${newName}' already exists`)
  await refuseManagedImage(newName, other.paths, 'replaced by renaming', undefined)
  await refuseSafetyCopy(newName, other.paths, 'replaced by renaming', undefined)
  const document = parseDomainXml(xml)
  const element = child(document.root, 'name')
  if (element !== undefined) element.textContent = newName
  const autostart = await autostartOf(directories, name)
  if (autostart !== undefined) await markAutostart(directories, newName, autostart)
  // The commit point: one step, so that neither a kill nor a power cut leaves two names or none.
  const unsure = await renameDefinition(directories, name, newName)
  if (unsure !== undefined) options.onWarning?.(unsure)
  // Whoever reads the definition sees the new name even when this fails.
  await writeDefinition(directories, newName, formatDomainXml(document)).catch(() => undefined)
  const left = [paths.lastEnd, paths.lastJob, orderPath(directories, paths.managedSave)]
  if (autostart !== undefined) left.push(autostartPath(directories, name))
  for (const path of left) await removeFile(path).catch(() => undefined)
  return { name: newName }
}
