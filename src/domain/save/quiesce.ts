import { DomainError, messageOf } from '../../errors.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { requireAgent, thawGuest } from '../machine/freeze.ts'

/** Whether a save freezes the file systems of the guest. */
export interface Quiesce {
  readonly freezes: boolean
  readonly warnings: readonly string[]
}

/** Finds out whether the guest can be frozen, while nothing has happened. @throws DomainError DOMAIN_WRONG_STATE, QemuError QEMU_TIMEOUT */
export async function prepareFreeze(
  { name, paths, record }: HeldDomain,
  running: boolean,
  asked: boolean | 'if-possible' | undefined,
): Promise<Quiesce> {
  // A guest that somebody has frozen before stays so, whatever becomes of the save.
  if (asked === undefined || asked === false || record?.frozen === true)
    return { freezes: false, warnings: [] }
  try {
    if (!running)
      throw new DomainError(
        'DOMAIN_WRONG_STATE',
        `The file systems of domain '${name}' cannot be frozen: its guest is not running`,
      )
    await requireAgent(name, paths)
    return { freezes: true, warnings: [] }
  } catch (error) {
    if (asked !== 'if-possible') throw error
    return { freezes: false, warnings: [`its file systems were not frozen: ${messageOf(error)}`] }
  }
}

/** Thaws the guest after a failed save. Returns a sentence about its state. */
export async function thawed({ name, paths }: HeldDomain): Promise<string> {
  return thawGuest(name, paths).then(
    () => '',
    () => `, but its file systems may be frozen: \`stasis domfsthaw ${name}\` thaws them`,
  )
}
