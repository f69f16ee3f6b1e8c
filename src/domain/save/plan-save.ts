import type { MachineDescription } from '../../image/saved-machine.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'
import type { DomainXml } from '../store/xml-text.ts'
import { checkDisks, missingAtRestore } from './check-disks.ts'
import {
  type Savable,
  checkMemoryIsThere,
  checkSavable,
  warningsAboutSleep,
} from './check-savable.ts'
import { DisksAfterSave } from './disks-after-save.ts'
import { prepareFreeze } from './quiesce.ts'
import { describeForSave } from './save-description.ts'
import type { SaveSettings } from './save-options.ts'

/** A save that nothing prevents, before anything has happened. */
export interface SavePlan {
  /** The record of the domain with the changes of the save. */
  readonly record: RuntimeRecord
  readonly savable: Savable
  /** Whether the file systems of the guest are frozen first. */
  readonly freezes: boolean
  /** Whether the guest runs if the save does not happen. */
  readonly wouldRun: boolean
  readonly description: MachineDescription & { readonly finalCookie: () => Promise<string> }
  readonly disks: DisksAfterSave
  readonly warnings: readonly string[]
}

/** What a plan depends on besides the guest; as in `SaveOptions`. */
export interface SavePlanOptions {
  readonly settings: SaveSettings
  readonly quiesce?: boolean | 'if-possible' | undefined
  readonly resumeAs?: ResumedState | undefined
  readonly xml?: DomainXml | undefined
  readonly signal: AbortSignal
}

/**
 * Checks that a running domain can be saved, and describes its machine.
 * @throws DomainError DOMAIN_MEMORY_LOST, DOMAIN_WRONG_STATE; QemuError, ImageError IMAGE_INCOMPATIBLE, DomainXmlError, StorageError; CancelledError
 */
export async function planSave(
  held: HeldDomain,
  control: QmpConnection,
  options: SavePlanOptions,
): Promise<SavePlan> {
  const found = held.requireRunning()
  await checkMemoryIsThere(held.name, control)
  const savable = await checkSavable(held.name, control, options.settings, options.signal)
  await checkDisks(held.name, control, held.paths, found)
  const quiesce = await prepareFreeze(held, savable.running, options.quiesce)
  const record = quiesce.freezes ? { ...found, frozen: true } : found
  const wouldRun = savable.running || record.interrupted === true
  const wasRunning = options.resumeAs === undefined ? wouldRun : options.resumeAs === 'running'
  const described = await describeForSave(held, record, wasRunning, options.xml, control)
  const missing = await missingAtRestore(await liveDomain(held.paths))
  const disks = new DisksAfterSave(described)
  return {
    record,
    savable,
    freezes: quiesce.freezes,
    wouldRun,
    description: { ...described, finalCookie: () => disks.cookie() },
    disks,
    warnings: [...quiesce.warnings, ...warningsAboutSleep(savable, record.qemuVersion), ...missing],
  }
}
