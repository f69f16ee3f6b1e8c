import type { QmpConnection } from '../qmp/connection.ts'
import { QmpRefusal } from '../qmp/refusal.ts'
import { resetMigration } from './reset.ts'
import { applySettings } from './settings.ts'

/**
 * Whether QEMU can send the memory of a running guest as it was at one moment (`background-snapshot`, QEMU >= 6.0): returns `undefined`, or the refusal
 * in QEMU's words. QEMU tries to register all memory of this guest, so the answer is the truth for it. Nothing stays changed.
 * @throws QemuError QEMU_DIED
 */
export async function backgroundSnapshotRefusal(qmp: QmpConnection): Promise<string | undefined> {
  try {
    await applySettings(qmp, ['background-snapshot'], {})
    return undefined
  } catch (error) {
    if (error instanceof QmpRefusal) return error.message
    throw error
  } finally {
    if (qmp.state === 'ready') await resetMigration(qmp)
  }
}
