import type { QmpConnection } from '../qmp/connection.ts'
import { setCapabilities } from './capabilities.ts'
import { resetParameters } from './parameters.ts'

/**
 * Puts a QEMU's capabilities and parameters back after a save or a failure, so that nothing of it remains. The next migration of
 * ours does not rely on it; others' might. `events` stays on.
 * @throws QemuError QEMU_REFUSED while a migration is active, QEMU_DIED
 */
export async function resetMigration(qmp: QmpConnection): Promise<void> {
  await resetParameters(qmp)
  await setCapabilities(qmp, [])
}
