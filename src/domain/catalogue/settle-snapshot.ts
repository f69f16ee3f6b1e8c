import { inspect } from 'node:util'
import { logAct } from '../store/host/act-log.ts'
import type { Directories } from '../store/directories.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { type RuntimeRecord, writeRecord } from '../store/runtime-record.ts'
import { releaseSnapshot } from './release-snapshot.ts'

/**
 * Ends the snapshot of a killed process, so that the guest can write everywhere again. Callers must hold the lock. A snapshot that cannot be ended is logged and
 * stays in the record: the guest may have to be destroyed, and the next command tries again. Returns the new record.
 * @throws StorageError when the record cannot be written
 */
export async function settleSnapshot(
  paths: RuntimePaths,
  record: RuntimeRecord,
  directories: Directories,
): Promise<RuntimeRecord> {
  const { snapshot, pid } = record
  if (snapshot === undefined) return record
  try {
    await releaseSnapshot({ pid, monitor: paths.controlSocket, running: snapshot.running })
  } catch (error) {
    const text = `the snapshot of a killed process could not be ended: ${inspect(error)}`
    await logAct(directories, paths.name, text).catch(() => undefined)
    return record
  }
  const settled = { ...record, snapshot: undefined }
  await writeRecord(paths, settled)
  return settled
}
