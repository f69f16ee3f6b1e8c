import { dirname } from 'node:path'
import { DomainError } from '../../errors.ts'
import { readDescription } from '../../image/open-image.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { findEntry } from '../catalogue/catalogue.ts'
import { readDefinition } from '../store/definitions.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions, WarningOptions } from '../store/domain-options.ts'
import { postcopyState } from '../store/postcopy-state.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { checkRemovable } from '../store/saves/own-managed-image.ts'
import { hasUsableManagedSave } from '../store/saves/managed-image.ts'
import { removeManagedImage, removeSafetyCopy } from '../store/saves/remove-managed-image.ts'
import { requireSaves } from '../store/saves/save-directory.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { type SaveOptions, type SaveResult, keepSave, saveHeld } from './save.ts'

/**
 * Saves a running domain, given by name, UUID or id, to a path managed by Stasis; the next start continues from there.
 * @throws errors of `saveDomain`; DomainError DOMAIN_WRONG_STATE when it is not defined
 * @example
 * await managedSaveDomain('web')
 * await startDomain('web') // continues from there
 */
export async function managedSaveDomain(
  reference: string,
  options: SaveOptions = {},
): Promise<SaveResult> {
  return managedSavePart(reference, options, undefined)
}

/** `managedSaveDomain`, as a part of `during`. */
export async function managedSavePart(
  reference: string,
  options: SaveOptions,
  during: 'host-save' | undefined,
): Promise<SaveResult> {
  const save = (): Promise<SaveResult> =>
    keepSave({ act: 'managedsave', during, reference }, options, async (act) => {
      await using held = await HeldDomain.find(reference, 'managedsave', options)
      act.on(held.name, held.record?.uuid)
      await prepareManagedSave(held)
      return await saveHeld(held, held.paths.managedSave, {
        ...options,
        operation: 'managedsave',
        act,
      })
    })
  return nameCancel(`save domain '${reference}'`, save())
}

/**
 * Removes the managed save of a domain, given by name or UUID, and its safety copy; its next start boots it. `removed` is false when it had neither.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_BUSY, DOMAIN_WRONG_STATE while memory is still loaded from it; StorageError
 * @example
 * await removeManagedSave('web')
 */
export async function removeManagedSave(
  reference: string,
  options: DomainOptions & WarningOptions = {},
): Promise<{ readonly name: string; readonly removed: boolean }> {
  await using held = await HeldDomain.find(reference, 'managedsave-remove', options)
  await refuseWhileLoading(held)
  await requireSaves(held.directories)
  const removed = await hasUsableManagedSave(held)
  if (removed) await checkRemovable(held.directories, held.paths)
  const warnings = removed ? await removeManagedImage(held.directories, held.paths) : []
  for (const text of warnings) options.onWarning?.(text)
  const hadCopy = await removeSafetyCopy(held.directories, held.paths, options.onWarning)
  return { name: held.name, removed: removed || hadCopy }
}

/**
 * The domain XML in the managed save of a domain, given by name or UUID.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_WRONG_STATE when it has none; ImageError, StorageError
 * @example
 * const xml = await dumpManagedSaveXml('web')
 */
export async function dumpManagedSaveXml(
  reference: string,
  options: DomainOptions = {},
): Promise<string> {
  const entry = await findEntry(await openDirectories(options), reference)
  await requireManagedSave(entry)
  return (await readDescription(entry.paths.managedSave)).xml
}

/** The parts of a domain that these checks read. */
type Saved = Pick<HeldDomain, 'name' | 'paths' | 'record'> & { readonly consumed?: boolean }

/** @throws DomainError DOMAIN_WRONG_STATE */
export async function requireManagedSave(domain: Saved): Promise<void> {
  await refuseWhileLoading(domain)
  if (await hasUsableManagedSave(domain)) return
  throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${domain.name}' has no managed save`, {
    hint: '`stasis list --all --managed-save` shows which domains have one',
  })
}

async function refuseWhileLoading({ name, paths, record }: Saved): Promise<void> {
  if (record === undefined || (await postcopyState(paths)) === undefined) return
  throw new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${name}' has already resumed from its managed save, and still loads memory from it`,
    {
      hint: `\`stasis dominfo ${name}\` shows how much is missing; then Stasis removes the image`,
    },
  )
}

/**
 * Checks that a domain can have a managed save or a safety copy, and makes the directory of their images.
 * @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE when it is not defined; StorageError STATE_MISSING and others
 */
export async function prepareManagedSave(held: HeldDomain): Promise<void> {
  held.requireRunning()
  await requireDefined(held)
  await requireSaves(held.directories)
  await makeDirectory(dirname(held.paths.managedSave))
}

async function requireDefined({ name, directories }: HeldDomain): Promise<void> {
  if ((await readDefinition(directories, name)) !== undefined) return
  throw new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${name}' is transient: its managed save would be lost with it`,
    { hint: `\`stasis save ${name} FILE\` saves it to a file. Or define the domain first` },
  )
}
