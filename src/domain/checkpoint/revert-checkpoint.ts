import { DomainError } from '../../errors.ts'
import { copyToNew, removeFile, renameFile } from '../../io/files/file-names.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { makeOverlay } from '../../qemu/programs/overlay-files.ts'
import { type Act, type ActFacts, keepAct } from '../acts/keep-act.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { endRecorded } from '../catalogue/own-qemu.ts'
import { clearRuntime } from '../catalogue/reconcile.ts'
import { bootMachine } from '../lifecycle/boot.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import { prepareMachine } from '../machine/prepare-machine.ts'
import { restoreFacts, restoreImage } from '../restore/restore.ts'
import type { RestoreOptions, RestoreResult } from '../restore/restore-request.ts'
import { checkOptions } from '../store/check-options.ts'
import {
  type CheckpointRecord,
  type CheckpointTree,
  type DiskOverlay,
  readCheckpoints,
  requireCheckpoint,
  writeTree,
} from '../store/checkpoint-store.ts'
import { readDefinition, writeDefinition } from '../store/definitions.ts'
import type { WarningOptions } from '../store/domain-options.ts'
import { recordEnd } from '../store/last-end.ts'
import { refuseManagedImage } from '../store/managed-image.ts'
import { collapse } from './collapse.ts'
import { createHeld } from './create-checkpoint.ts'
import { freeName } from './disk-choice.ts'
import { type DiskSwitch, withDiskFiles } from '../catalogue/disk-xml.ts'
import { emulatorOf } from './emulator-of.ts'
import { checkRevertible } from './revert-checks.ts'
import { settleCheckpoints } from './settle-checkpoints.ts'

/** How to return to a checkpoint. */
export interface RevertOptions
  extends
    WarningOptions,
    Omit<
      RestoreOptions,
      'clone' | 'xml' | 'resumeAs' | 'force' | 'keepImage' | 'wait' | 'newGenid' | 'resetNvram'
    > {
  /** Whether the guest runs. Default: as at the instant of the checkpoint. A guest that was off is started. */
  readonly state?: ResumedState | undefined
  /** Give up the guest as it is now. Default: its memory and disks become a checkpoint first. */
  readonly discard?: boolean | undefined
}

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
  return keepAct({ plan, directories: options, facts, onWarning }, async (act) => {
    await using held = await HeldDomain.find(reference, 'checkpoint-revert', options)
    act.on(held.name, held.record?.uuid)
    return await revert(held, name, { ...options, act })
  })
}

type Reverting = RevertOptions & { readonly act: Act }

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
  const kept = options.discard === true ? undefined : await keepPresent(held, before, name, options)
  const tree = kept === undefined ? before : await settleCheckpoints(held)
  await options.act.before({ image: record.memory?.path }, options.signal)
  // The commit point of its end: from here on the guest is only in the checkpoint that keeps it.
  const { record: running } = held
  if (running !== undefined) {
    await endRecorded(held.paths, running)
    await recordEnd(held.paths, 'destroyed')
    await clearRuntime(held.paths)
  }
  const off = await held.again()
  const overlays = await newOverlays(record)
  const pending = { act: 'revert', name, overlays } as const
  await writeTree(directories, domain, { ...tree, pending })
  const former = await readDefinition(directories, domain)
  try {
    const emulator = await emulatorOf(off)
    for (const overlay of overlays) await makeOverlay(overlay, emulator)
    await writeDefinition(directories, domain, switched(record, record.definition, overlays))
    await restoreNvram(record)
    const restored = await begin(off, record, overlays, options)
    const all = [...tree.overlays, ...overlays]
    const next: CheckpointTree = { current: name, overlays: all, pending: undefined }
    await writeTree(directories, domain, next)
    await removeFormer(await held.again(), next, former ?? '')
    const state = restored?.state ?? 'shutoff'
    return { domain, name, kept, ...restored, state }
  } catch (error) {
    // Without the definition, an interrupted attempt is taken back.
    if (former !== undefined) await writeDefinition(directories, domain, former)
    await settleCheckpoints(await held.again())
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

async function newOverlays({ name, disks }: CheckpointRecord): Promise<readonly DiskOverlay[]> {
  const taken = new Set<string>()
  const overlays: DiskOverlay[] = []
  for (const { target, path: backing, format: backingFormat } of disks) {
    const path = await freeName(backing, name, taken)
    taken.add(path)
    overlays.push({ target, path, backing, backingFormat })
  }
  return overlays
}

/** An XML of the checkpoint with the new overlays. After a merge, a disk of the checkpoint is at another place than its XML says. */
export function switched(
  { disks }: CheckpointRecord,
  xml: string,
  overlays: readonly DiskOverlay[],
): string {
  const { domain } = readDomain(parseDomainXml(xml), { tolerant: true })
  const moves: DiskSwitch[] = []
  for (const { target, path, format } of disks) {
    const source = domain.disks.find((disk) => disk.target === target)?.source
    const from = source !== undefined && 'path' in source ? source.path : undefined
    if (from !== undefined && from !== path)
      moves.push({ target, from, path, format, overlay: false })
  }
  const moved = withDiskFiles(xml, moves)
  return withDiskFiles(
    moved,
    overlays.map(({ target, path, backing }) => ({
      ...{ target, path, from: backing },
      ...{ format: 'qcow2', overlay: true },
    })),
  )
}

async function restoreNvram({ nvram, memory }: CheckpointRecord): Promise<void> {
  // Otherwise QEMU writes the variables back that are in the memory.
  if (nvram === undefined || memory !== undefined) return
  const draft = `${nvram.path}.checkpoint`
  await removeFile(draft)
  await copyToNew(nvram.copy, draft)
  await renameFile(draft, nvram.path)
}

async function begin(
  held: HeldDomain,
  record: CheckpointRecord,
  overlays: readonly DiskOverlay[],
  options: Reverting,
): Promise<{ readonly state: ResumedState; readonly restored?: RestoreResult } | undefined> {
  const { memory } = record
  const { act, state, signal, onWarning } = options
  if (memory !== undefined) {
    const text = switched(record, record.xml, overlays)
    const own = { ...options, xml: { text }, resumeAs: state, force: true }
    const restored = await restoreImage(memory.path, own, { act, held })
    return { state: restored.state, restored }
  }
  if (state === undefined) return undefined
  const text = (await readDefinition(held.directories, held.name)) ?? ''
  const { directories } = held
  const prepared = await prepareMachine({ text }, directories, { ...options, occasion: 'start' })
  const paused = state === 'paused'
  await bootMachine(held, prepared, { ...options, paused, signal, onWarning })
  return { state }
}

/** Removes the overlays that the domain used before, which no checkpoint needs: those that are discarded, or those of the checkpoint that keeps the present, which nobody has written to. */
async function removeFormer(
  held: HeldDomain,
  tree: CheckpointTree,
  definition: string,
): Promise<void> {
  const { disks } = readDomain(parseDomainXml(definition), { tolerant: true }).domain
  const records = await readCheckpoints(held.directories, held.name)
  const needed = new Set(records.flatMap((one) => one.disks.map(({ path }) => path)))
  const former = tree.overlays.filter(
    ({ path }) =>
      !needed.has(path) &&
      !tree.overlays.some(({ backing }) => backing === path) &&
      disks.some(({ source }) => source !== undefined && 'path' in source && source.path === path),
  )
  if (former.length === 0) return
  const overlays = tree.overlays.filter((one) => !former.includes(one))
  await writeTree(held.directories, held.name, { ...tree, overlays })
  for (const { path } of former) await removeFile(path)
  await collapse(held, { ...tree, overlays })
}
