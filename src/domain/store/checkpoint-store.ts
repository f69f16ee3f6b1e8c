import { join } from 'node:path'
import { DomainError, UsageError } from '../../errors.ts'
import { makeDirectory, namesIn, removeTree } from '../../io/files/directory.ts'
import {
  type RecordKind,
  fieldsOf,
  readRecordFile,
  writeRecordFile,
} from '../../io/records/record-file.ts'
import { type ProcessIdentity, isProcessIdentity } from '../../qemu/process/process-identity.ts'
import type { Directories } from './directories.ts'
import { isDomainName } from './domain-name.ts'

/** A disk of a checkpoint: the file that has its content of the instant, and that nobody may write to any more. */
export interface CheckpointDisk {
  /** Its name in the guest: `vda`. */
  readonly target: string
  readonly path: string
  readonly format: string
}

/** A qcow2 file that Stasis made on top of another file of a disk. */
export interface DiskOverlay {
  readonly target: string
  readonly path: string
  readonly backing: string
  readonly backingFormat: string
  /** The clone that writes to it; `undefined`: the domain itself. */
  readonly clone?: string | undefined
  /** The process that makes the clone, until that runs. */
  readonly maker?: ProcessIdentity | undefined
}

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

/** An act on checkpoints that was begun. */
export interface PendingAct {
  readonly act: 'create' | 'revert' | 'delete'
  /** The checkpoint that it makes, returns to or deletes. */
  readonly name: string
  /** The overlays that it makes, or the one that it merges into its backing file. */
  readonly overlays: readonly DiskOverlay[]
  /** Overlays that nobody needs once the domain has returned to the checkpoint. */
  readonly unneeded?: readonly string[] | undefined
  /** The domain has returned to the checkpoint. */
  readonly isBack?: boolean | undefined
  /** It freezes the file systems of the guest. */
  readonly freezes?: boolean | undefined
}

/** What a domain's checkpoints have in common: `tree.json`. */
export interface CheckpointTree {
  /** The checkpoint that the guest has passed last. */
  readonly current?: string | undefined
  /** All overlays that were made and still exist. */
  readonly overlays: readonly DiskOverlay[]
  readonly pending?: PendingAct | undefined
}

/** The directory of the checkpoints of a domain. */
export function checkpointsDirectory(
  { stateDir }: Pick<Directories, 'stateDir'>,
  name: string,
): string {
  return join(stateDir, 'checkpoints', name)
}

/** The directory of a checkpoint, or of one that is being made: nobody lists that. */
export function checkpointDirectory(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
  checkpoint: string,
  stage: 'complete' | 'partial' = 'complete',
): string {
  return join(
    checkpointsDirectory(directories, domain),
    `${stage === 'partial' ? '.' : ''}${checkpoint}`,
  )
}

/** Removes what is left of checkpoints that were never listed. Callers hold the domain, and make none. @throws StorageError */
export async function removeDrafts(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
): Promise<void> {
  const directory = checkpointsDirectory(directories, domain)
  for (const name of await namesIn(directory, 'list the checkpoints'))
    if (name.startsWith('.')) await removeTree(join(directory, name))
}

/** @throws UsageError BAD_ARGUMENT for an impossible name */
export function checkCheckpointName(name: string): void {
  if (isDomainName(name) && !name.startsWith('.') && name !== TREE_NAME && name.length <= 200)
    return
  throw new UsageError('BAD_ARGUMENT', `'${name}' cannot be the name of a checkpoint`, {
    hint: 'A name has at most 200 characters, no slash, and does not begin with a dot',
  })
}

const TREE_NAME = 'tree.json'

/** The tree of a domain; an empty one when it has no checkpoints. @throws StorageError */
export async function readTree(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
): Promise<CheckpointTree> {
  return (await readRecordFile(TREE, treePath(directories, domain))) ?? { overlays: [] }
}

/** Writes the tree durably. @throws StorageError */
export async function writeTree(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
  tree: CheckpointTree,
): Promise<void> {
  await makeDirectory(checkpointsDirectory(directories, domain))
  await writeRecordFile(TREE, treePath(directories, domain), tree, { durable: true })
}

function treePath(directories: Pick<Directories, 'stateDir'>, domain: string): string {
  return join(checkpointsDirectory(directories, domain), TREE_NAME)
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

/** The names of the domains that have a tree of checkpoints. @throws StorageError */
export async function domainsWithCheckpoints({
  stateDir,
}: Pick<Directories, 'stateDir'>): Promise<readonly string[]> {
  const names = await namesIn(join(stateDir, 'checkpoints'), 'list the domains with checkpoints')
  return names.filter(isDomainName)
}

/** @throws DomainError DOMAIN_HAS_CHECKPOINTS when the domain has checkpoints */
export async function refuseCheckpoints(
  directories: Pick<Directories, 'stateDir'>,
  domain: string,
  attempt: string,
  hint?: string,
): Promise<void> {
  const { pending } = await readTree(directories, domain)
  const listed = await listedCheckpoints(directories, domain)
  if (listed.length === 0 && pending === undefined) return
  const count = listed.length === 1 ? 'a checkpoint' : `${listed.length} checkpoints`
  throw new DomainError(
    'DOMAIN_HAS_CHECKPOINTS',
    `Domain '${domain}' has ${count}, so it cannot be ${attempt}`,
    {
      hint:
        hint ??
        `\`stasis checkpoint-list ${domain}\` shows them, \`stasis checkpoint-delete\` deletes one`,
    },
  )
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isOptional = (value: unknown): boolean => value === undefined || isText(value)

function isDisk(value: unknown): boolean {
  const { target, path, format } = fieldsOf(value) ?? {}
  return isText(target) && isText(path) && isText(format)
}

function isOverlay(value: unknown): boolean {
  const { target, path, backing, backingFormat, clone, maker } = fieldsOf(value) ?? {}
  return (
    [target, path, backing, backingFormat].every(isText) &&
    isOptional(clone) &&
    (maker === undefined || isProcessIdentity(maker))
  )
}

function areAll(value: unknown, check: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(check)
}

function isPending(value: unknown): boolean {
  const { act, name, overlays, unneeded, freezes, isBack } = fieldsOf(value) ?? {}
  return (
    ['create', 'revert', 'delete'].includes(String(act)) &&
    isText(name) &&
    areAll(overlays, isOverlay) &&
    (unneeded === undefined || areAll(unneeded, isText)) &&
    [freezes, isBack].every((flag) => flag === undefined || typeof flag === 'boolean')
  )
}

const TREE: RecordKind<CheckpointTree> = {
  what: 'the tree of the checkpoints of a domain',
  version: 1,
  parse(value) {
    const { current, overlays, pending } = fieldsOf(value) ?? {}
    const fits =
      isOptional(current) &&
      areAll(overlays, isOverlay) &&
      (pending === undefined || isPending(pending))
    return fits ? (value as CheckpointTree) : undefined
  },
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
      [parent, way, description].every(isOptional) &&
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
      (deleted === undefined || typeof deleted === 'boolean')
    return fits ? (value as CheckpointRecord) : undefined
  },
}

function isMemory(value: unknown): boolean {
  const { path, bytes } = fieldsOf(value) ?? {}
  return isText(path) && Number.isSafeInteger(bytes)
}
