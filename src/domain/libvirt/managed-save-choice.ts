import { DomainError } from '../../errors.ts'

/**
 * The handling of a managed save when a domain goes from libvirt to us, or back. A saved state must be resumed once: whichever side uses it second
 * has memory that does not fit the disks any more. `move`: only the new side has it. `copy`: both have it. `leave`: the new side does not.
 */
export type ManagedSaveChoice = 'move' | 'copy' | 'leave'

/** @throws DomainError DOMAIN_HAS_MANAGED_SAVE, because only a person can choose */
export function requireChoice(
  choice: ManagedSaveChoice | undefined,
  {
    name,
    image,
    holder,
  }: { readonly name: string; readonly image: string | undefined; readonly holder: string },
): ManagedSaveChoice {
  if (choice !== undefined) return choice
  throw new DomainError(
    'DOMAIN_HAS_MANAGED_SAVE',
    `Domain '${name}' has a managed save: choose what to do with it`,
    {
      path: image,
      hint: `--managed-save move takes it away from ${holder}. copy also leaves it there, but only one of the two may be resumed. leave ignores it: once the domain boots here, it no longer fits the disks`,
    },
  )
}
