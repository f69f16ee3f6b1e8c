import { DomainError } from '../../errors.ts'
import { isThere } from '../../io/files/file-names.ts'
import type { RuntimePaths } from './runtime-paths.ts'
import type { RuntimeRecord } from './runtime-record.ts'

/** Whether there is an image of a managed save, whatever it contains. */
export async function hasManagedImage(paths: RuntimePaths): Promise<boolean> {
  return isThere(paths.managedSave)
}

/** Whether the domain is in its managed save: there is one, and no guest was resumed from it. */
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
  { safetyCopy: path }: RuntimePaths,
  attempt: string,
  flag: string | undefined,
): Promise<void> {
  if (!(await isThere(path))) return
  throw new DomainError(
    'DOMAIN_HAS_MANAGED_SAVE',
    `Domain '${name}' has a safety copy, so it cannot be ${attempt}`,
    {
      path,
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
