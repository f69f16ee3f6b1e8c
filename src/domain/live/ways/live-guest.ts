import type { MigrationFeatures } from '../../../migration/features.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import { QmpRefusal } from '../../../qmp/refusal.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import type { RuntimeRecord } from '../../store/runtime-record.ts'
import type { LiveSaveOptions } from '../live-options.ts'

/** A running guest of which a live save is asked for. */
export interface LiveGuest {
  readonly held: HeldDomain
  readonly record: RuntimeRecord
  readonly control: QmpConnection
  readonly features: MigrationFeatures
  /** The wishes of the caller. */
  readonly request: LiveSaveOptions
}

/** The folders of QEMU's object tree with the devices of the machine. */
const DEVICES = ['/machine/peripheral', '/machine/peripheral-anon']

/**
 * The types of the devices of a running machine, as QOM names them, also those that were plugged later (QEMU docs/devel/qom.rst: the type of a child is
 * `child<TYPE>`).
 */
export async function deviceTypes(control: QmpConnection): Promise<readonly string[]> {
  const found: string[] = []
  for (const path of DEVICES) {
    const children = await control.execute('qom-list', { path }).catch((error: unknown) => {
      if (error instanceof QmpRefusal) return []
      throw error
    })
    for (const { type } of children) found.push(/^child<(.*)>$/.exec(type)?.[1] ?? type)
  }
  return found
}
