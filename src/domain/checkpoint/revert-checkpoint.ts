import { DomainError, throwIfCancelled } from '../../errors.ts'
import { type ActFacts, keepAct } from '../acts/keep-act.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { endRecorded } from '../catalogue/own-qemu.ts'
import { clearRuntime } from '../catalogue/reconcile.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { restoreFacts } from '../restore/restore.ts'
import type { RestoreResult } from '../restore/restore-request.ts'
import { watchSave } from '../save/save-watcher.ts'
import { checkOptions } from '../store/check-options.ts'
import { readCheckpoints, requireCheckpoint } from '../store/checkpoints/checkpoint-record.ts'
import { type CheckpointTree, writeTree } from '../store/checkpoints/checkpoint-tree.ts'
import { readDefinition, writeDefinition } from '../store/definitions.ts'
import { recordEnd } from '../store/last-end.ts'
import { refuseManagedImage } from '../store/saves/managed-image.ts'
import { continueStopped } from '../save/brief-stop.ts'
import { prepareNvram, renameNvram } from './checkpoint-nvram.ts'
import { collapse } from './disks/collapse.ts'
import { createHeld } from './create-checkpoint.ts'
import { makeOverlays, overlaysOn } from './disks/new-overlays.ts'
import { type Begun, beginAtCheckpoint, switched } from './begin-at-checkpoint.ts'
import { emulatorOf } from './disks/emulator-of.ts'
import { namesDisk, presentAgain } from './present-again.ts'
import { checkRevertible } from './revert-checks.ts'
import type { RevertOptions, Reverting } from './revert-options.ts'
import { settleCheckpoints } from './settle-checkpoints.ts'

/** A domain that is as it was at a checkpoint. */
export interface RevertResult {
  readonly domain: string
  readonly name: string
  readonly state: 'running' | 'paused' | 'shutoff'
  /** The checkpoint that keeps what the guest was before. */
  readonly kept: string | undefined
  /** Absent when there was no memory to restore. */
  readonly restored?: RestoreResult | undefined
}

/**
 * Returns a domain, given by name, UUID or id, to a checkpoint: memory and disks. Everything that this needs is checked first; then the running guest ends. What it was becomes a checkpoint, from which the
 * new present branches off, unless it is discarded.
 * @throws DomainError CHECKPOINT_NOT_FOUND, DOMAIN_WRONG_STATE with what is missing, DOMAIN_HAS_MANAGED_SAVE; ImageError, QemuError, StorageError
 * @example
 * await revertToCheckpoint('web', 'before-upgrade')
 */
export async function revertToCheckpoint(
  reference: string,
  name: string,
  options: RevertOptions = {},
): Promise<RevertResult> {
  checkOptions(options, { mode: ['auto', 'map', 'lazy', 'load'] })
  const { onWarning } = options
  const plan = { act: 'checkpoint-revert', reference } as const
  const facts = ({ restored }: RevertResult): ActFacts =>
    restored === undefined ? {} : restoreFacts(restored)
  const reverting = keepAct({ plan, directories: options, facts, onWarning }, async (act) => {
    await using held = await HeldDomain.find(reference, 'checkpoint-revert', options)
    act.on(held.name, held.record?.uuid)
    return await revert(held, name, { ...options, act })
  })
  return nameCancel(`return domain '${reference}' to checkpoint '${name}'`, reverting)
}

async function revert(held: HeldDomain, name: string, options: Reverting): Promise<RevertResult> {
  const { directories, name: domain } = held
  const before = await settleCheckpoints(held)
  const record = await requireCheckpoint(directories, domain, name)
  await refuseManagedImage(domain, held.paths, 'returned to a checkpoint', undefined)
  if (held.record?.attached !== undefined)
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Stasis did not start the QEMU of domain '${domain}', so it does not end it`,
    )
  await checkRevertible(domain, record, options)
  await options.act.before({ image: record.memory?.path }, options.signal)
  const { kept, tree } = await endPresent(held, before, name, options)
  const off = await held.again()
  const overlays = await overlaysOn(record.disks, name)
  const former = (await readDefinition(directories, domain)) ?? ''
  const unneeded = await unneededAfter(off, tree, former)
  const pending = { act: 'revert', name, overlays, unneeded } as const
  await writeTree(directories, domain, { ...tree, pending })
  let restored: Begun
  try {
    await makeOverlays(overlays, { emulator: await emulatorOf(off) })
    await prepareNvram(record)
    await writeDefinition(directories, domain, switched(record, record.definition, overlays))
    await renameNvram(record.nvram)
    // A present that was given up cannot come back, so a cancel comes too late.
    const signal = kept === undefined ? undefined : options.signal
    restored = await beginAtCheckpoint(off, record, overlays, { ...options, signal })
  } catch (error) {
    // Without the definition, an interrupted attempt is taken back.
    if (former !== '') await writeDefinition(directories, domain, former)
    const again = await held.again()
    await settleCheckpoints(again)
    throw kept === undefined ? error : await presentAgain(again, { kept, error, options })
  }
  await writeTree(directories, domain, { ...tree, pending: { ...pending, isBack: true } })
  const now = await held.again()
  await collapse(now, await settleCheckpoints(now))
  return { domain, name, kept, ...restored, state: restored?.state ?? 'shutoff' }
}

/** Ends the guest as it is now. Unless it is discarded, it becomes a checkpoint first. After a failure it continues. */
async function endPresent(
  held: HeldDomain,
  before: CheckpointTree,
  name: string,
  options: Reverting,
): Promise<{ readonly kept: string | undefined; readonly tree: CheckpointTree }> {
  const { record: running, paths } = held
  // The guest is stopped from the instant of the checkpoint until its end: if this process is killed meanwhile, it continues.
  await using _watcher = running === undefined ? undefined : watchSave(held)
  try {
    const isKept = options.discard !== true
    const kept = isKept ? await keepPresent(held, before, name, options) : undefined
    const tree = isKept ? await settleCheckpoints(held) : before
    throwIfCancelled(`return domain '${held.name}' to checkpoint '${name}'`, options.signal)
    // The commit point of its end: from here on the guest is only in the checkpoint that keeps it.
    if (running !== undefined) await endRecorded(paths, running)
    if (running !== undefined) await recordEnd(paths, 'destroyed')
    if (running !== undefined) await clearRuntime(paths)
    return { kept, tree }
  } catch (error) {
    await continueStopped(held).catch(() => undefined)
    throw error
  }
}

/** What the guest is now becomes a checkpoint. It does not continue after it. */
async function keepPresent(
  held: HeldDomain,
  tree: CheckpointTree,
  name: string,
  options: Reverting,
): Promise<string> {
  const { act, onWarning, signal } = options
  const { directories, name: domain } = held
  const names = (await readCheckpoints(directories, domain)).map((one) => one.name)
  let kept = `before-${name}`
  for (let number = 2; names.includes(kept); number += 1) kept = `before-${name}-${number}`
  const { stateDir, runtimeDir } = directories
  await createHeld(held, tree, kept, {
    ...{ stateDir, runtimeDir, onWarning, signal, act },
    ...{ stopped: true, guestStays: true },
  })
  return kept
}

/** The overlays that no checkpoint needs once the domain has left them: those that are discarded, or those of the checkpoint that keeps the present, which nobody has written to. */
async function unneededAfter(
  { directories, name }: HeldDomain,
  { overlays }: CheckpointTree,
  definition: string,
): Promise<readonly string[]> {
  if (definition === '') return []
  const records = await readCheckpoints(directories, name)
  const needed = new Set(records.flatMap((one) => one.disks.map(({ path }) => path)))
  return overlays
    .map(({ path }) => path)
    .filter(
      (path) =>
        !needed.has(path) &&
        !overlays.some(({ backing }) => backing === path) &&
        namesDisk(definition, path),
    )
}
