import { messageOf } from '../../errors.ts'
import { removeImage } from '../../image/remove-image.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { recordEnd } from '../store/last-end.ts'
import { endRecorded } from '../catalogue/own-qemu.ts'
import { clearRuntime } from '../catalogue/reconcile.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'

/**
 * Ends the QEMU of a domain that is safe in its file, or that a pipe has taken (then without `path`). A managed save that the guest came from, other than that file, is removed. Returns warnings
 * about files that the next command has to remove.
 * @throws QemuError QEMU_TIMEOUT, StorageError
 */
export async function endSaved(
  held: HeldDomain,
  record: RuntimeRecord,
  saved: { readonly control: QmpConnection; readonly path: string | undefined },
): Promise<readonly string[]> {
  const { restoredFrom } = record
  const warnings: string[] = []
  if (restoredFrom?.managed === true && restoredFrom.path !== saved.path)
    warnings.push(
      ...(await removeImage(restoredFrom.path).catch((error: unknown) => [messageOf(error)])),
    )
  await endRecorded(held.paths, record, { qmp: saved.control })
  await recordEnd(held.paths, 'saved', { image: saved.path })
  try {
    await clearRuntime(held.paths)
  } catch (error) {
    // The domain is off, and the next command clears the directory.
    warnings.push(messageOf(error))
  }
  return warnings
}
