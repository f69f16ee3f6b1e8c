import { endQemu } from '../../qemu/end.ts'
import { removeImage } from '../../image/remove-image.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { HeldDomain } from '../store/held-domain.ts'
import { noteEnd } from '../store/last-end.ts'
import { clearRuntime } from '../store/presence.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'

/**
 * Ends the QEMU of a domain that is safe in its file; a managed save that it came from and that is not that file is no longer it.
 * @throws QemuError QEMU_TIMEOUT, StorageError
 */
export async function endSaved(
  held: HeldDomain,
  record: RuntimeRecord,
  saved: { readonly control: QmpConnection; readonly path: string },
): Promise<void> {
  const { restoredFrom } = record
  if (restoredFrom?.managed === true && restoredFrom.path !== saved.path)
    await removeImage(restoredFrom.path)
  await endQemu(record, { qmp: saved.control })
  await noteEnd(held.paths, 'saved', { image: saved.path })
  await clearRuntime(held.paths)
}
