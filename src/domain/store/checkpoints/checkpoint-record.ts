import { join } from 'node:path'
import { DomainError } from '../../../errors.ts'
import { namesIn } from '../../../io/files/directory.ts'
import { areAll, isOptionalFlag, isOptionalText, isText } from '../../../io/records/field-checks.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../../io/records/record-file.ts'
import { type ProcessIdentity, isProcessIdentity } from '../../../qemu/process/process-identity.ts'
import type { Directories } from '../directories.ts'
import { TREE_NAME, checkpointDirectory, checkpointsDirectory } from './checkpoint-directory.ts'
import { type CheckpointDisk, isDisk } from './disk-overlay.ts'

/** A checkpoint of a domain: `checkpoint.json` in its directory. */
export interface CheckpointRecord {
  readonly name: string
  /** The UUID of the domain. */
  readonly uuid: string
  /** The checkpoint that the guest had last passed. */
  readonly parent?: string | undefined
  readonly description?: string | undefined
  /** ISO 8601. */
  readonly createdAt: string
  /** The state of the guest at the instant. */
  readonly state: 'running' | 'paused' | 'shutoff'
  /** The save image with its memory; absent for a guest that was off, or whose disks alone were wanted. */
  readonly memory?: { readonly path: string; readonly bytes: number } | undefined
  /** How its memory was taken, and how long the guest was stopped for it. */
  readonly way?: string | undefined
  readonly pauseMs?: number | undefined
  readonly disks: readonly CheckpointDisk[]
  /** Disks that are not part of it, with the reason. */
  readonly skipped: readonly { readonly target: string; readonly reason: string }[]
  /** The XML that the guest ran from at the instant, and its definition. Both name the disks as they were then. */
  readonly xml: string
  readonly definition: string
  /** The copy of its UEFI variables. */
  readonly nvram?: { readonly path: string; readonly copy: string } | undefined
  /** The process that made it for a moment, and deletes it. If that process is gone, the next act on the checkpoints of the domain deletes it. */
  readonly temporary?: ProcessIdentity | undefined
  /** It was deleted, but files of others are built on its disks. It is not listed. */
  readonly deleted?: boolean | undefined
}

/** Writes the record of a checkpoint into its directory, durably. @throws StorageError */
export async function writeCheckpoint(directory: string, record: CheckpointRecord): Promise<void> {
  await writeRecordFile(CHECKPOINT, join(directory, 'checkpoint.json'), record, { durable: true })
}

/** The checkpoints of a domain, those that are deleted and still needed among them, the oldest first. @throws StorageError */
export async function readCheckpoints(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
): Promise<readonly CheckpointRecord[]> {
  const names = await namesIn(checkpointsDirectory(directories, domain), 'list the checkpoints')
  const found: CheckpointRecord[] = []
  for (const name of names) {
    if (name.startsWith('.') || name === TREE_NAME) continue
    const path = join(checkpointDirectory(directories, domain, name), 'checkpoint.json')
    const record = await readRecordFile(CHECKPOINT, path)
    if (record !== undefined) found.push(record)
  }
  return found.toSorted((one, other) => (one.createdAt < other.createdAt ? -1 : 1))
}

/** The checkpoints of a domain that are not deleted, the oldest first. @throws StorageError */
export async function listedCheckpoints(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
): Promise<readonly CheckpointRecord[]> {
  return (await readCheckpoints(directories, domain)).filter((one) => one.deleted !== true)
}

/** A checkpoint that is listed. @throws DomainError CHECKPOINT_NOT_FOUND, StorageError */
export async function requireCheckpoint(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
  name: string,
): Promise<CheckpointRecord> {
  const found = await listedCheckpoints(directories, domain)
  const record = found.find((one) => one.name === name)
  if (record !== undefined) return record
  throw new DomainError('CHECKPOINT_NOT_FOUND', `Domain '${domain}' has no checkpoint '${name}'`, {
    hint: `\`stasis checkpoint-list ${domain}\` shows those that it has`,
  })
}

const CHECKPOINT: RecordKind<CheckpointRecord> = {
  what: 'the record of a checkpoint',
  version: 1,
  parse(value) {
    const fields = fieldsOf(value) ?? {}
    const { name, uuid, parent, createdAt, state, memory, way, pauseMs, disks, skipped } = fields
    const { xml, definition, nvram, deleted, description, temporary } = fields
    const fits =
      [name, uuid, createdAt, xml, definition].every(isText) &&
      [parent, way, description].every(isOptionalText) &&
      ['running', 'paused', 'shutoff'].includes(String(state)) &&
      (memory === undefined || isMemory(memory)) &&
      (pauseMs === undefined || Number.isFinite(pauseMs)) &&
      areAll(disks, isDisk) &&
      areAll(
        skipped,
        (one) => isText(fieldsOf(one)?.['target']) && isText(fieldsOf(one)?.['reason']),
      ) &&
      (nvram === undefined ||
        (isText(fieldsOf(nvram)?.['path']) && isText(fieldsOf(nvram)?.['copy']))) &&
      (temporary === undefined || isProcessIdentity(temporary)) &&
      isOptionalFlag(deleted)
    return fits ? (value as CheckpointRecord) : undefined
  },
}

function isMemory(value: unknown): boolean {
  const { path, bytes } = fieldsOf(value) ?? {}
  return isText(path) && Number.isSafeInteger(bytes)
}
