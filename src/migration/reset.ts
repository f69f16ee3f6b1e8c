import type { QmpConnection } from '../qmp/connection.ts'
import { defaultParameters } from './parameters.ts'
import { applySettings } from './settings.ts'

/**
 * Puts a QEMU's capabilities and parameters back after a save or a failure, so that nothing of it remains. The next migration of
 * ours does not rely on it; others' might. `events` stays on.
 * @throws QemuError QEMU_REFUSED while a migration is active, QEMU_DIED
 */
export function resetMigration(qmp: QmpConnection): Promise<void> {
  return applySettings(qmp, [], defaultParameters())
}
