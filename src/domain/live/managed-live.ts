import { HeldDomain } from '../catalogue/held-domain.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { prepareManagedSave } from '../save/managed-save.ts'
import { keepSave } from '../save/save.ts'
import { type LiveSaveOptions, refuseQuiesce, resolveLiveOptions } from './live-options.ts'
import type { LiveSaveResult } from './live-result.ts'
import { saveLiveHeld } from './live-save.ts'

/**
 * Saves a running domain, given by name, UUID or id, as its safety copy, at a path managed by Stasis, and lets it continue. If QEMU or the host crashes before
 * the disks of the guest have changed, the next start continues from there. An older copy is replaced.
 * @throws errors of `saveLive`; DomainError DOMAIN_WRONG_STATE when it is not defined
 * @example
 * await managedSaveLive('web')
 */
export async function managedSaveLive(
  reference: string,
  options: LiveSaveOptions = {},
): Promise<LiveSaveResult> {
  resolveLiveOptions(options)
  refuseQuiesce(options)
  const save = (): Promise<LiveSaveResult> =>
    keepSave({ act: 'managedsave', reference }, options, async (act) => {
      await using held = await HeldDomain.find(reference, 'managedsave --live', options)
      act.on(held.name, held.record?.uuid)
      await prepareManagedSave(held)
      return await saveLiveHeld(held, held.paths.safetyCopy, {
        ...options,
        operation: 'managedsave',
        act,
      })
    })
  return nameCancel(`save domain '${reference}'`, save())
}
