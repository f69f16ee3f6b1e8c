import { StorageError } from '../../errors.ts'
import { isReachable, isThere } from '../../io/files/file-names.ts'
import { readTail } from '../../io/records/log-file.ts'
import { findByMonitors } from '../../qemu/process/find-by-monitors.ts'
import type { ProcessIdentity } from '../../qemu/process/process-identity.ts'
import { lastLines, terminationLine } from '../../qemu/process/process.ts'
import { type LastEnd, endNow } from '../store/last-end.ts'
import { endSocket } from '../store/confinement.ts'
import { isRunning, monitorsOf } from './own-qemu.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { type RuntimeRecord, type SaveIntent, readRecord } from '../store/runtime-record.ts'
import { isSaved } from './save-intent.ts'

/** The condition of a domain according to its record and to reality, while no operation is working on it. */
export type Condition =
  /** There is no record. `starting`: QEMUs of a start that was killed before it could write one. */
  | { readonly kind: 'unrecorded'; readonly starting: readonly ProcessIdentity[] }
  /** The guest is in this QEMU. */
  | { readonly kind: 'running'; readonly record: RuntimeRecord }
  /** As `running`, but its save was killed: `record` is the new record. */
  | { readonly kind: 'save-killed'; readonly record: RuntimeRecord }
  /** The guest of this QEMU has never run: its start or restore was killed. */
  | { readonly kind: 'start-killed'; readonly record: RuntimeRecord }
  /** The guest has ended or is safe in an image, though its QEMU may still be there. `end` is `undefined` if it never ran. */
  | {
      readonly kind: 'ended'
      readonly record: RuntimeRecord
      readonly alive: boolean
      readonly end: LastEnd | undefined
    }

/**
 * Determines the condition of a domain, and changes nothing.
 * @throws StorageError, STATE_UNREADABLE and STATE_TOO_NEW when the condition is unknown
 */
export async function conditionOf(paths: RuntimePaths): Promise<Condition> {
  const record = await readRecord(paths)
  if (record === undefined) return { kind: 'unrecorded', starting: await startingQemus(paths) }
  const { saving } = record
  const alive = await isRunning(paths, record)
  if (saving !== undefined && (await isSaved(saving)))
    return { kind: 'ended', record, alive, end: endNow('saved', { image: keptAt(saving) }) }
  if (!alive) {
    const [another] = await findByMonitors(monitorsOf(paths))
    if (another !== undefined) throw recordOfAnother(paths, record, another.pid)
    const end = record.stage === 'running' ? await endOfDead(paths, record) : undefined
    return { kind: 'ended', record, alive, end }
  }
  if (record.stage === 'starting') return { kind: 'start-killed', record }
  if (saving === undefined) return { kind: 'running', record }
  const interrupted = saving.running || record.interrupted
  return { kind: 'save-killed', record: { ...record, saving: undefined, interrupted } }
}

/** A pipe keeps no image. */
function keptAt({ path, isTaken }: SaveIntent): string | undefined {
  return isTaken === true ? undefined : path
}

/**
 * Whether the managed save that a guest was restored from is outdated: the guest has certainly run since, or is in another, newer image. The
 * image stays if QEMU died after the record that the guest may run and before the proof that it does: the image may be all that is left of the guest,
 * and the next start compares its disks.
 */
export function hasConsumedManagedSave({ record, end }: Condition & { kind: 'ended' }): boolean {
  const { restoredFrom } = record
  if (restoredFrom?.managed !== true) return false
  if (end?.reason === 'saved') return end.image !== restoredFrom.path
  return restoredFrom.ran === true
}

function recordMissing(paths: RuntimePaths, pid: number): StorageError {
  return recordFault(paths, pid, `its record ${paths.process} is missing`)
}

function recordOfAnother(paths: RuntimePaths, record: RuntimeRecord, pid: number): StorageError {
  return recordFault(paths, pid, `its record ${paths.process} names process ${record.pid}`)
}

/** The error for a domain with a running QEMU that is not the one in its record. */
function recordFault(paths: RuntimePaths, pid: number, fault: string): StorageError {
  const { name } = paths
  return new StorageError(
    'STATE_UNREADABLE',
    `The QEMU of domain '${name}' runs as process ${pid}, but ${fault}`,
    {
      path: paths.process,
      hint: `Shut the guest down from the inside. \`stasis destroy ${name}\` ends its QEMU, and data that are not on its disks are lost`,
    },
  )
}

/** The XML is written just before a QEMU is started; `starting` marks a start without a record. */
async function startingQemus(paths: RuntimePaths): Promise<readonly ProcessIdentity[]> {
  if (!(await isThere(paths.liveXml))) return []
  const found = await findByMonitors(monitorsOf(paths))
  const [first] = found
  if (first !== undefined && !(await isThere(paths.starting))) throw recordMissing(paths, first.pid)
  return found
}

const TAIL_BYTES = 4096

/** QEMU removes its listening sockets when it ends by itself, and cannot when it crashes or is killed (7.2 and 10.0). */
async function endOfDead(
  paths: RuntimePaths,
  { confinement, logOffset }: RuntimeRecord,
): Promise<LastEnd> {
  const socket = confinement === undefined ? paths.controlSocket : endSocket(paths)
  const log = logOffset === undefined ? paths.formerLog : paths.log
  const tail = readTail(log, logOffset ?? 0, TAIL_BYTES)
  if (!(await isReachable(socket))) return endNow('shutdown', { lastLines: terminationLine(tail) })
  return endNow('crashed', { lastLines: lastLines(tail) })
}
