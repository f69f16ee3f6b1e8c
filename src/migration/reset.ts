import type { QmpConnection } from '../qmp/connection.ts'
import { defaultParameters } from './parameters.ts'
import { applySettings } from './settings.ts'

/**
 * Restores a QEMU's capabilities and parameters after a save or a failure, so that none of our settings remain. Our next migration does not rely on
 * this, but other clients' migrations may. `events` stays on.
 * @throws QemuError QEMU_REFUSED while a migration is active, QEMU_DIED
 */
export function resetMigration(qmp: QmpConnection): Promise<void> {
  return applySettings(qmp, [], defaultParameters())
}
