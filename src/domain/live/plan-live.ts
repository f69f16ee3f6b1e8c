import type { QmpConnection } from '../../qmp/connection.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { checkDestination } from '../catalogue/files/destination.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import { type SavePlan, planSave } from '../save/plan-save.ts'
import type { SaveSettings } from '../save/save-options.ts'
import type { JobOperation } from '../store/job-record.ts'
import { chooseWay } from './ways/choose-way.ts'
import { type GuestTimes, guestTimes } from './guest-speed.ts'
import type { LiveSaveOptions } from './live-options.ts'
import type { LiveChoice } from './ways/live-way.ts'

/** A live save that nothing prevents, before anything has happened. */
export interface LivePlan extends SavePlan {
  /** The real path of the image. */
  readonly path: string
  readonly choice: LiveChoice
  /** The processor time of the guest when this plan was begun. */
  readonly earlier: GuestTimes | undefined
  readonly domain: Domain
}

/**
 * Checks that a running domain can be saved while it runs, chooses the way, and describes its machine.
 * @throws as `planSave`, `checkDestination`; DomainError DOMAIN_WRONG_STATE with every obstacle
 */
export async function planLive(
  held: HeldDomain,
  control: QmpConnection,
  asked: string,
  options: LiveSaveOptions & {
    readonly settings: SaveSettings
    readonly operation: JobOperation
    /** The image is one that Stasis keeps in the state directory. */
    readonly kept?: boolean | undefined
    readonly signal: AbortSignal
  },
): Promise<LivePlan> {
  const { settings, digest } = options
  const earlier = await guestTimes(control, held.requireRunning().pid)
  const path = await checkDestination(held.directories, asked, {
    domain: held.name,
    guest: held.requireRunning().uuid,
    managedSave: keptPlace(held, asked, options),
    format: settings.format,
    digest,
  })
  // QEMU sends a single stream, whatever the format is.
  const asStream = { ...settings, format: 'raw' } as const
  const plan = await planSave(held, control, { ...options, settings: asStream })
  const { record, savable } = plan
  const guest = { held, record, control, features: savable.features, request: options }
  const choice = await chooseWay(guest)
  return { ...plan, path, choice, earlier, domain: await liveDomain(held.paths) }
}

/** The only place in the state directory where the image may be. */
function keptPlace(
  { paths }: HeldDomain,
  asked: string,
  { operation, kept }: { readonly operation: JobOperation; readonly kept?: boolean | undefined },
): string | undefined {
  if (kept === true) return asked
  return operation === 'managedsave' ? paths.safetyCopy : undefined
}
