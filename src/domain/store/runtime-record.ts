import {
  type Fields,
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../io/record-file.ts'
import type { DiskIdentity } from './disk-identity.ts'
import type { ProcessIdentity } from '../../qemu/process-identity.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** What is kept about a QEMU beside its XML: `process.json` in the runtime directory. */
export interface RuntimeRecord extends ProcessIdentity {
  /**
   * `starting` until the machine is complete: whoever finds it so without its starter alive ends it, for nobody has met that
   * guest yet. `running` from just before the guest's processors may run.
   */
  readonly stage: 'starting' | 'running'
  readonly uuid: string
  readonly emulator: string
  readonly qemuVersion: string
  readonly commandLine: readonly string[]
  /** Stasis did not start it; `commandLine` is what it was started with, there. */
  readonly attached?: { readonly cwd: string } | undefined
  /** A save is under way, or its process was killed: once the image stands there, it is the guest, and this QEMU is not. */
  readonly saving?: SaveIntent | undefined
  /** The guest stands still because a save was killed; it would run otherwise. */
  readonly interrupted?: boolean | undefined
  /** The image that the guest came from. */
  readonly restoredFrom?: RestoredFrom | undefined
}

/** A save that was begun. */
export interface SaveIntent {
  /** Where the image will stand. */
  readonly path: string
  /** Which image, see image-history.ts. */
  readonly imageId: string
  /** Whether the guest ran before. */
  readonly running: boolean
}

/** Where a restored guest came from. */
export interface RestoredFrom {
  readonly path: string
  readonly imageId: string
  /** It is the managed save of the domain, which goes once the guest runs. */
  readonly managed: boolean
  /** Whether the guest may have run since: then the image is no longer the guest. */
  readonly begun: boolean
  /** The disks as they were before, of an image of which nothing was remembered. */
  readonly disks?: readonly DiskIdentity[]
}

/** @throws StorageError */
export async function writeRecord(paths: RuntimePaths, record: RuntimeRecord): Promise<void> {
  await writeRecordFile(RUNTIME_RECORD, paths.process, record, { durable: true })
}

/**
 * The record of a domain; `undefined` when there is none.
 * @throws StorageError STATE_UNREADABLE, STATE_TOO_NEW, and what the disk says
 */
export async function readRecord(paths: RuntimePaths): Promise<RuntimeRecord | undefined> {
  return readRecordFile(RUNTIME_RECORD, paths.process)
}

const RUNTIME_RECORD: RecordKind<RuntimeRecord> = {
  what: 'the record of a running domain',
  version: 1,
  hint: 'The QEMU of the domain may still run (`ps ax` shows it): look before you do anything to this file',
  parse(value, version) {
    const fields = fieldsOf(value)
    if (fields === undefined) return undefined
    const record = version === 0 ? withNewNames(fields) : fields
    return isRecord(record) ? (record as unknown as RuntimeRecord) : undefined
  },
}

/** Before records had versions, where a guest came from was its `origin`, and an image had a `key`. */
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
  const { stage, commandLine, attached, saving, restoredFrom } = record
  return (
    [record['pid'], record['startTime']].every(isPositive) &&
    ['bootId', 'uuid', 'emulator', 'qemuVersion'].every((name) => isText(record[name])) &&
    (stage === 'starting' || stage === 'running') &&
    Array.isArray(commandLine) &&
    commandLine.every(isText) &&
    (attached === undefined || isText(fieldsOf(attached)?.['cwd'])) &&
    (saving === undefined || namesImage(saving, 'running')) &&
    (restoredFrom === undefined ||
      (namesImage(restoredFrom, 'managed') && namesImage(restoredFrom, 'begun')))
  )
}

function namesImage(value: unknown, flag: string): boolean {
  const fields = fieldsOf(value)
  return (
    isText(fields?.['path']) && isText(fields?.['imageId']) && typeof fields?.[flag] === 'boolean'
  )
}

function isPositive(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}
