import { DomainError } from '../../errors.ts'
import { isThere } from '../../io/files/file-names.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { type ProcessIdentity, identifyProcess } from '../../qemu/process/process-identity.ts'
import { type Act, keepAct } from '../acts/keep-act.ts'
import { readLiveXml } from '../catalogue/domain-xml.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { Job } from '../progress/job.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { checkOptions } from '../store/check-options.ts'
import { checkCheckpointName } from '../store/checkpoints/checkpoint-directory.ts'
import { type CheckpointRecord, readCheckpoints } from '../store/checkpoints/checkpoint-record.ts'
import type { CheckpointTree } from '../store/checkpoints/checkpoint-tree.ts'
import { readDefinition } from '../store/definitions.ts'
import { refuseManagedImage } from '../store/saves/managed-image.ts'
import { chooseDisks } from './disks/disk-choice.ts'
import { settleCheckpoints } from './settle-checkpoints.ts'
import type { CheckpointOptions } from './checkpoint-options.ts'
import { NewCheckpoint } from './new-checkpoint.ts'

/** A checkpoint that was made. */
export interface CheckpointResult {
  readonly domain: string
  readonly name: string
  readonly parent: string | undefined
  readonly state: CheckpointRecord['state']
  readonly memory: CheckpointRecord['memory']
  /** The checkpoint whose memory has the pages that this one does not store. */
  readonly base: string | undefined
  readonly way: string | undefined
  /** How long the guest was stopped, in milliseconds; 0 if it did not run. */
  readonly pauseMs: number
  readonly totalMs: number
  readonly disks: CheckpointRecord['disks']
  readonly skipped: CheckpointRecord['skipped']
}

/**
 * Makes a checkpoint of a domain, given by name, UUID or id: its memory and all its disks of one instant. From then on the guest writes to overlays. `name`: default is the time in
 * seconds since 1970, as virsh names snapshots. After a failure the guest continues on its disks as before.
 * @throws DomainError CHECKPOINT_EXISTS, DOMAIN_WRONG_STATE with the disk or the reason; QemuError, StorageError; CancelledError
 * @example
 * const { pauseMs } = await createCheckpoint('web', 'before-upgrade')
 */
export async function createCheckpoint(
  reference: string,
  name: string = String(Math.floor(Date.now() / 1000)),
  options: CheckpointOptions = {},
): Promise<CheckpointResult> {
  return create(reference, name, options)
}

/** `createCheckpoint` for a checkpoint that this process deletes itself: if it is killed before, the next act on the checkpoints of the domain does. */
export async function createTemporary(
  reference: string,
  name: string,
  options: CheckpointOptions,
): Promise<CheckpointResult> {
  return create(reference, name, options, await identifyProcess(process.pid))
}

async function create(
  reference: string,
  name: string,
  options: CheckpointOptions,
  temporary?: ProcessIdentity,
): Promise<CheckpointResult> {
  checkOptions(options)
  checkCheckpointName(name)
  const plan = { act: 'checkpoint', reference } as const
  const { onWarning } = options
  const facts = (result: CheckpointResult): object => ({
    image: result.memory?.path,
    fileBytes: result.memory?.bytes,
    downtimeMs: Math.round(result.pauseMs),
  })
  const make = keepAct({ plan, directories: options, facts, onWarning }, async (act) => {
    await using held = await HeldDomain.find(reference, 'checkpoint', options)
    act.on(held.name, held.record?.uuid)
    const tree = await settleCheckpoints(held)
    return await createHeld(held, tree, name, { ...options, act, temporary })
  })
  return nameCancel(`make a checkpoint of domain '${reference}'`, make)
}

/** `createCheckpoint` for callers that hold the domain and have settled its checkpoints. */
export async function createHeld(
  held: HeldDomain,
  tree: CheckpointTree,
  name: string,
  options: CheckpointOptions & {
    readonly act: Act
    readonly guestStays?: boolean
    readonly temporary?: ProcessIdentity | undefined
  },
): Promise<CheckpointResult> {
  const startMs = performance.now()
  const { record: running } = held
  await using job = await Job.begin(held.paths, 'checkpoint', options)
  const { signal, report } = job
  report({ phase: 'checking' })
  const definition = await requireFit(held, name, options.memoryPath)
  const xml = running === undefined ? definition : await readLiveXml(held.paths)
  const { domain } = readDomain(parseDomainXml(xml), { tolerant: true })
  const choice = await chooseDisks(domain, name, options.disks)
  await options.act.before({ image: options.memoryPath }, signal)
  const making = new NewCheckpoint(held, tree, {
    name,
    description: options.description,
    temporary: options.temporary,
    definition,
    xml,
    domain,
    choice,
  })
  const made =
    running === undefined
      ? await making.off()
      : await making.running(running, { ...options, signal, report })
  const { record, pauseMs = 0 } = made
  return job.complete({
    domain: held.name,
    name,
    parent: record.parent,
    state: record.state,
    memory: record.memory,
    base: made.base,
    way: record.way,
    pauseMs,
    totalMs: performance.now() - startMs,
    disks: record.disks,
    skipped: record.skipped,
  })
}

/**
 * Checks that the domain can have this checkpoint. Returns its definition.
 * @throws DomainError DOMAIN_WRONG_STATE, CHECKPOINT_EXISTS, DOMAIN_HAS_MANAGED_SAVE
 */
async function requireFit(
  held: HeldDomain,
  checkpoint: string,
  memoryPath: string | undefined,
): Promise<string> {
  const { directories, name, paths, record: running, whereSaved } = held
  const definition = await readDefinition(directories, name)
  if (definition === undefined)
    throw new DomainError('DOMAIN_WRONG_STATE', `Domain '${name}' is not defined: it only runs`, {
      hint: 'A checkpoint outlives the guest, so the domain needs a definition',
    })
  if (running?.attached !== undefined)
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Stasis did not start the QEMU of domain '${name}', so it does not change its disks`,
    )
  await requireNewName(held, checkpoint, memoryPath)
  if (running !== undefined) return definition
  await refuseManagedImage(name, paths, 'kept in a checkpoint', undefined)
  if (whereSaved !== undefined)
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Domain '${name}' is in a save image, so its disks alone are not a checkpoint`,
      { hint: whereSaved },
    )
  return definition
}

async function requireNewName(
  { directories, name: domain }: HeldDomain,
  name: string,
  memoryPath: string | undefined,
): Promise<void> {
  const records = await readCheckpoints(directories, domain)
  const found = records.find((one) => one.name === name)
  if (found !== undefined)
    throw new DomainError(
      'CHECKPOINT_EXISTS',
      found.deleted === true
        ? `Domain '${domain}' had a checkpoint '${name}', and other files are still built on its disks`
        : `Domain '${domain}' has a checkpoint '${name}' already`,
    )
  if (memoryPath !== undefined && (await isThere(memoryPath)))
    throw new DomainError('CHECKPOINT_EXISTS', `${memoryPath} exists already`, { path: memoryPath })
}
