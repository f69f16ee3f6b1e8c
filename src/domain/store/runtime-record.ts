import { areAll, isOptionalFlag, isOptionalText, isText } from '../../io/records/field-checks.ts'
import {
  type Fields,
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import { type DiskIdentity, isDiskIdentity } from './disks/disk-identity.ts'
import { type Confinement, isConfinement } from './confinement.ts'
import { StorageError } from '../../errors.ts'
import { hostId } from '../../io/host-id.ts'
import { type ProcessIdentity, readBootId } from '../../qemu/process/process-identity.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** The record of a QEMU beside its XML: `process.json` in the runtime directory. */
export interface RuntimeRecord extends ProcessIdentity {
  /**
   * `starting` until the machine is complete. Once its starter is dead, any process that finds it in this stage ends it, because that guest has not
   * run yet. `running` from just before the guest's processors may run.
   */
  readonly stage: 'starting' | 'running'
  /** The host that runs it; `undefined`: written before records named it. */
  readonly hostId?: string | undefined
  readonly uuid: string
  readonly emulator: string
  readonly qemuVersion: string
  readonly commandLine: readonly string[]
  /** The file that the process executes, known once its machine is complete; not `emulator` if that is a script or a link. */
  readonly executable?: string | undefined
  /** Present when Stasis did not start it; `commandLine` is its original command line, started in `cwd`. */
  readonly attached?: { readonly cwd: string } | undefined
  /** Where its output begins in the log of the domain; `undefined`: it has a log of its own, from before logs were kept. */
  readonly logOffset?: number | undefined
  /** Present when QEMU runs as another user. */
  readonly confinement?: Confinement | undefined
  /** A save is in progress, or its process was killed: once the image is complete, the image is the guest, and this QEMU is not. */
  readonly saving?: SaveIntent | undefined
  /** The guest is stopped only because a save was killed. */
  readonly interrupted?: boolean | undefined
  /** The file systems of the guest are frozen for a save: the process that lets it run again thaws them. */
  readonly frozen?: boolean | undefined
  /**
   * A snapshot of memory by write protection was begun, and its end is not recorded: its process works on it and has the lock, or was killed. Then the
   * guest may wait for ever at its next write, see release-snapshot.ts.
   */
  readonly snapshot?: SnapshotMark | undefined
  /** When the guest was last resumed because its save was killed, ISO 8601. */
  readonly continuedAt?: string | undefined
  /** The image that the guest was restored from. */
  readonly restoredFrom?: RestoredFrom | undefined
}

/** A snapshot that was begun. */
export interface SnapshotMark {
  /** Whether the guest ran before. */
  readonly running: boolean
  /** The path of the future image, which does not become the guest. */
  readonly image?: string | undefined
  /** The file systems of the guest are frozen for it, and thawed when the guest continues. */
  readonly freezes?: boolean | undefined
}

/** A save that was begun. */
export interface SaveIntent {
  /** The path of the future image. */
  readonly path: string
  /** The id of the image, see image-history.ts. */
  readonly imageId: string
  /** Whether the guest ran before. */
  readonly running: boolean
  /** The image is complete, for one that went into a pipe, where nobody can look: its reader has taken all of it. */
  readonly isTaken?: boolean | undefined
}

/** The origin of a restored guest. */
export interface RestoredFrom {
  readonly path: string
  readonly imageId: string
  /** The image is the domain's managed save, which is removed once the guest runs. */
  readonly managed: boolean
  /** Whether the guest may have run since: then the image is no longer the guest. */
  readonly begun: boolean
  /** The guest has certainly run since. Recorded only where the image of a managed save is still needed then. */
  readonly ran?: boolean | undefined
  /** The disks before the restore, for an image without a history. */
  readonly disks?: readonly DiskIdentity[]
}

/** @throws StorageError */
export async function writeRecord(paths: RuntimePaths, record: RuntimeRecord): Promise<void> {
  const whole = { ...record, hostId: record.hostId ?? hostId() }
  await writeRecordFile(RUNTIME_RECORD, paths.process, whole, { durable: true })
}

/**
 * The record of a domain; `undefined` when there is none. The record of another host is not judged: its process cannot be seen from here.
 * @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW, STATE_OF_ANOTHER_HOST, and errors of the disk
 */
export async function readRecord(paths: RuntimePaths): Promise<RuntimeRecord | undefined> {
  const record = await readRecordFile(RUNTIME_RECORD, paths.process)
  if (record?.hostId === undefined) return record
  // Asked first: the id of the host takes longer than most of a command that looks. It may also have changed since, but not over a boot.
  if (record.bootId === (await readBootId()) || record.hostId === hostId()) return record
  throw new StorageError(
    'STATE_OF_ANOTHER_HOST',
    `Another host runs domain '${paths.name}': its record ${paths.process} was written there`,
    {
      operation: 'read the record of a running domain',
      path: paths.process,
      hint: 'Use a runtime directory that belongs to this host. If this host was installed anew, so that its domain no longer runs: remove the file',
    },
  )
}

const RUNTIME_RECORD: RecordKind<RuntimeRecord> = {
  what: 'the record of a running domain',
  version: 1,
  hint: 'The QEMU of this domain may still be running: check that with `ps ax` before you change this file',
  parse(value, version) {
    const fields = fieldsOf(value)
    if (fields === undefined) return undefined
    const record = version === 0 ? withNewNames(fields) : fields
    return isRecord(record) ? (record as unknown as RuntimeRecord) : undefined
  },
}

/** Before records had versions, `restoredFrom` was called `origin`, and an image had a `key`. */
function withNewNames({ origin, ...fields }: Fields): Fields {
  const saving = fieldsOf(fields['saving'])
  const restoredFrom = fieldsOf(fields['restoredFrom'] ?? origin)
  return {
    ...fields,
    ...(saving !== undefined && { saving: withImageId(saving) }),
    ...(restoredFrom !== undefined && { restoredFrom: withImageId(restoredFrom) }),
  }
}

function withImageId({ key, ...fields }: Fields): Fields {
  return { imageId: key, ...fields }
}

function isRecord(record: Fields): boolean {
  const { stage, commandLine, executable, attached, confinement, saving } = record
  const { restoredFrom, continuedAt, logOffset } = record
  return (
    [record['pid'], record['startTime']].every(isPositive) &&
    ['bootId', 'uuid', 'emulator', 'qemuVersion'].every((name) => isText(record[name])) &&
    isOptionalText(record['hostId']) &&
    (stage === 'starting' || stage === 'running') &&
    areAll(commandLine, isText) &&
    isOptionalText(executable) &&
    isOptionalText(continuedAt) &&
    isOptionalFlag(record['frozen']) &&
    isSnapshotMark(record['snapshot']) &&
    (logOffset === undefined || logOffset === 0 || isPositive(logOffset)) &&
    (attached === undefined || isText(fieldsOf(attached)?.['cwd'])) &&
    (confinement === undefined || isConfinement(fieldsOf(confinement))) &&
    (saving === undefined || namesImage(saving, 'running')) &&
    (restoredFrom === undefined ||
      (namesImage(restoredFrom, 'managed') &&
        namesImage(restoredFrom, 'begun') &&
        isOptionalFlag(fieldsOf(restoredFrom)?.['ran']) &&
        areDisks(fieldsOf(restoredFrom)?.['disks'])))
  )
}

function namesImage(value: unknown, flag: string): boolean {
  const fields = fieldsOf(value)
  return (
    isText(fields?.['path']) && isText(fields?.['imageId']) && typeof fields?.[flag] === 'boolean'
  )
}

function isSnapshotMark(value: unknown): boolean {
  if (value === undefined) return true
  const { running, image, freezes } = fieldsOf(value) ?? {}
  return typeof running === 'boolean' && isOptionalText(image) && isOptionalFlag(freezes)
}

function areDisks(value: unknown): boolean {
  return value === undefined || areAll(value, isDiskIdentity)
}

function isPositive(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0
}
