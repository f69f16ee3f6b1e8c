import { endQemu } from '../qemu/end.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import type { HeldDomain } from './held-domain.ts'
import { clearRuntime } from './presence.ts'
import type { RuntimeRecord } from './runtime-record.ts'

/** Ends the QEMU of a domain that is safe in its file. @throws QemuError QEMU_TIMEOUT */
export async function endSaved(
  held: HeldDomain,
  record: RuntimeRecord,
  control: QmpConnection,
): Promise<void> {
  await endQemu(record, { qmp: control })
  await clearRuntime(held.paths)
}
