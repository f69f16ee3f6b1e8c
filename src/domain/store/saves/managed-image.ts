import { DomainError, StasisError } from '../../../errors.ts'
import type { RuntimePaths } from '../runtime-paths.ts'
import type { RuntimeRecord } from '../runtime-record.ts'
import { isSaveThere } from './save-directory.ts'

/** Whether there is an image of a managed save, whatever it contains. @throws StorageError STATE_MISSING and others if that is unknown */
export async function hasManagedImage(paths: RuntimePaths): Promise<boolean> {
  return isSaveThere(paths, 'managedSave')
}

/** Whether there is a safety copy, whatever it contains. @throws StorageError STATE_MISSING and others if that is unknown */
export async function hasSafetyCopy(paths: RuntimePaths): Promise<boolean> {
  return isSaveThere(paths, 'safetyCopy')
}

/** An answer for a command that only looks: `undefined` if the storage of the managed saves is not there. @throws as `find`, except STATE_MISSING */
export async function ifSavesAreThere<Answer>(
  find: () => Promise<Answer>,
): Promise<Answer | undefined> {
  try {
    return await find()
  } catch (error) {
    if (StasisError.is(error, 'STATE_MISSING')) return undefined
    throw error
  }
}

/** Whether the domain is in its managed save: there is one, and no guest was resumed from it. @throws StorageError STATE_MISSING and others if that is unknown */
export async function hasUsableManagedSave({
  paths,
  record,
  consumed = false,
}: {
  readonly paths: RuntimePaths
  readonly record: RuntimeRecord | undefined
  /** See `Presence`. */
  readonly consumed?: boolean | undefined
}): Promise<boolean> {
  if (consumed || !(await hasManagedImage(paths))) return false
  return (
    record === undefined || (record.restoredFrom?.managed === true && !record.restoredFrom.begun)
  )
}

/** @throws DomainError DOMAIN_HAS_MANAGED_SAVE when the domain has a safety copy */
export async function refuseSafetyCopy(
  name: string,
  paths: RuntimePaths,
  attempt: string,
  flag: string | undefined,
): Promise<void> {
  if (!(await hasSafetyCopy(paths))) return
  throw new DomainError(
    'DOMAIN_HAS_MANAGED_SAVE',
    `Domain '${name}' has a safety copy, so it cannot be ${attempt}`,
    {
      path: paths.safetyCopy,
      hint: `To delete the copy: \`stasis managedsave-remove ${name}\`${flag === undefined ? '' : `, or ${flag}`}`,
    },
  )
}

/** @throws DomainError DOMAIN_HAS_MANAGED_SAVE when the domain has a managed save */
export async function refuseManagedImage(
  name: string,
  paths: RuntimePaths,
  attempt: string,
  flag: string | undefined,
): Promise<void> {
  if (!(await hasManagedImage(paths))) return
  throw new DomainError(
    'DOMAIN_HAS_MANAGED_SAVE',
    `Domain '${name}' has a managed save, so it cannot be ${attempt}`,
    {
      path: paths.managedSave,
      hint: `\`stasis start ${name}\` resumes it. To discard the saved state: \`stasis managedsave-remove ${name}\`${flag === undefined ? '' : `, or ${flag}`}`,
    },
  )
}
