import { removeImage } from '../../image/remove-image.ts'
import { isThere } from '../../io/files/file-names.ts'
import { isRunning } from '../../migration/run-state.ts'
import { hasPostcopyRecord } from '../store/postcopy-record.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { type RestoredFrom, type RuntimeRecord, writeRecord } from '../store/runtime-record.ts'
import { queryRunState } from './run-state.ts'

/**
 * Ends the managed save that a guest came from, once QEMU has confirmed that the guest runs: removes the image, or records that it is outdated while
 * memory is still read from it. Returns the new record. A guest that was not resumed from a managed save has none.
 * @throws StorageError
 */
export async function consumeManagedSave(
  paths: RuntimePaths,
  record: RuntimeRecord,
): Promise<RuntimeRecord> {
  const begun = await begunManagedSave(record)
  if (begun === undefined) return record
  if (!(await hasPostcopyRecord(paths))) {
    await removeImage(begun.path)
    return record
  }
  if (begun.ran === true) return record
  const ran = { ...record, restoredFrom: { ...begun, ran: true } }
  await writeRecord(paths, ran)
  return ran
}

/**
 * `consumeManagedSave` for a guest whose start was killed: nobody knows whether it has run, so QEMU is asked. The image of a guest that has not run
 * stays. @throws StorageError
 */
export async function settleManagedSave(
  paths: RuntimePaths,
  record: RuntimeRecord,
): Promise<RuntimeRecord> {
  const begun = await begunManagedSave(record)
  if (begun === undefined) return record
  const state = begun.ran === true ? 'running' : await queryRunState(paths)
  // A guest can arrive in any other state without having run.
  return state !== undefined && isRunning(state) ? consumeManagedSave(paths, record) : record
}

/** The managed save that a guest may have run from, if its image still exists. @throws StorageError */
async function begunManagedSave({
  restoredFrom,
}: RuntimeRecord): Promise<RestoredFrom | undefined> {
  if (restoredFrom?.managed !== true || !restoredFrom.begun) return undefined
  return (await isThere(restoredFrom.path)) ? restoredFrom : undefined
}
