import { dirname } from 'node:path'
import { DomainError, storageError } from '../../errors.ts'
import { removeFile } from '../../io/file-names.ts'
import { removeTree } from '../../io/directory.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { autostartPath } from '../catalogue/autostart.ts'
import { readDefinition, removeDefinition } from '../store/definitions.ts'
import type { DomainOptions, WarningOptions } from '../store/domain-options.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { hasUsableManagedSave, refuseManagedImage } from '../store/managed-image.ts'
import { removeManagedImage } from '../store/remove-managed-image.ts'
import { tpmDirectory } from '../machine/tpm-state.ts'
import { orderPath } from '../store/page-order-file.ts'

/** How to undefine a domain. */
export interface UndefineOptions extends DomainOptions, WarningOptions {
  /** Also delete its managed save. */
  readonly managedSave?: boolean | undefined
  /** Also delete the state of its TPM, unless its guest runs. Without this it stays for a domain with the same UUID. */
  readonly tpm?: boolean | undefined
}

/**
 * Removes the definition of a domain, given by name, UUID or id. A running domain keeps running, and is gone when it ends.
 * @throws DomainError DOMAIN_HAS_MANAGED_SAVE unless it is to be deleted; DOMAIN_NOT_FOUND, DOMAIN_BUSY; StorageError
 * @example
 * await undefineDomain('web', { managedSave: true })
 */
export async function undefineDomain(
  reference: string,
  options: UndefineOptions = {},
): Promise<{ readonly name: string }> {
  await using domain = await HeldDomain.find(reference, 'undefine', options)
  const { name, paths, directories } = domain
  const definition = await readDefinition(directories, name)
  if (definition === undefined) {
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined: it only runs`, {
      hint: `It disappears when its guest shuts down: \`stasis shutdown ${name}\``,
    })
  }
  const tpm = options.tpm === true ? ownTpm(definition, directories.stateDir) : undefined
  if (options.managedSave !== true)
    await refuseManagedImage(name, paths, 'undefined', '--managed-save')
  // The image is removed last: an image without a domain does no harm, a domain without its image has lost its state.
  const unsure = await removeDefinition(directories, name)
  const warn = (text: string): void => options.onWarning?.(text)
  if (unsure !== undefined) warn(unsure)
  const stays = (error: unknown): void =>
    warn(error instanceof Error ? error.message : String(error))
  if (options.managedSave === true && (await hasUsableManagedSave(domain)))
    await removeManagedImage(directories, paths).then((texts) => texts.forEach(warn), stays)
  const hints = [paths.lastEnd, paths.lastJob, orderPath(directories, paths.managedSave)]
  if (tpm !== undefined && domain.record === undefined)
    await removeTree(tpm).catch((error: unknown) =>
      stays(storageError('remove the TPM', tpm, error)),
    )
  // The domain is undefined. What is left of these misleads nobody.
  for (const path of [autostartPath(directories, name), ...hints])
    await removeFile(path).catch(() => undefined)
  return { name }
}

/** The state of the domain's TPM that this program keeps: a directory that the XML names is the user's. */
function ownTpm(definition: string, stateDir: string): string | undefined {
  const { domain } = readDomain(parseDomainXml(definition), { tolerant: true })
  const directory = tpmDirectory(domain, stateDir)
  return directory?.startsWith(`${stateDir}/`) === true ? dirname(directory) : undefined
}
