import { join } from 'node:path'
import { StasisError, messageOf } from '../../errors.ts'
import { readBase } from '../../image/stasis/reader.ts'
import { makeDirectory, removeTree, setOwnerAndMode } from '../../io/files/directory.ts'
import { copyToNew, isThere, removeFile, renameFile } from '../../io/files/file-names.ts'
import { syncDirectory } from '../../io/files/partial-file.ts'
import { writeText } from '../../io/records/text-file.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { ProcessIdentity } from '../../qemu/process/process-identity.ts'
import { makeOverlay } from '../../qemu/programs/overlay-files.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { WriterOptions } from '../../transfer/convert/writer-options.ts'
import { isRunning, runState } from '../../migration/run-state.ts'
import { checkDestination } from '../catalogue/destination.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { freezeGuest, thawGuest } from '../machine/freeze.ts'
import { openControl } from '../machine/monitor.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import { resolveLiveOptions } from '../live/live-options.ts'
import type { AtStop } from '../live/live-way.ts'
import { type LivePlan, planLive } from '../live/plan-live.ts'
import { type SavePlan, planSave } from '../save/plan-save.ts'
import { resolveSaveOptions } from '../save/save-options.ts'
import {
  type CheckpointRecord,
  type CheckpointTree,
  type DiskOverlay,
  checkpointDirectory,
  writeCheckpoint,
  writeTree,
} from '../store/checkpoint-store.ts'
import { writeDefinition } from '../store/definitions.ts'
import { waitForAllMemory } from '../store/postcopy-state.ts'
import { type RuntimeRecord, readRecord, writeRecord } from '../store/runtime-record.ts'
import { captureLive } from './capture-live.ts'
import { type TakenMemory, captureStopped } from './capture-stopped.ts'
import type { DiskChoice } from './disk-choice.ts'
import { blockNodes, openOverlays, overlayTransaction, requireNode } from './disk-nodes.ts'
import { chooseBase } from './choose-base.ts'
import { flattenIfLong } from './flatten-in-background.ts'
import { keptMemory, memoryFile } from './memory-file.ts'
import { withDiskFiles } from '../catalogue/disk-xml.ts'
import { settleCheckpoints } from './settle-checkpoints.ts'
import { continueStopped, whileStopped } from './brief-stop.ts'
import type { CheckpointOptions } from './checkpoint-options.ts'

const NVRAM = 'nvram.fd'

/** The parts of a checkpoint before it is made. */
export interface CheckpointPlan {
  readonly name: string
  readonly description: string | undefined
  readonly temporary: ProcessIdentity | undefined
  readonly definition: string
  /** The XML that the guest runs from, or else its definition. */
  readonly xml: string
  readonly domain: Domain
  readonly choice: DiskChoice
}

type RunningOptions = CheckpointOptions & {
  readonly guestStays?: boolean
  readonly signal: AbortSignal
  readonly report: OnProgress<SaveProgress>
}

/** What happens around the instant. */
interface Instant {
  readonly atStop: AtStop
  readonly beforeStop?: () => Promise<void>
  readonly onContinue?: () => Promise<void>
}

/** A checkpoint that is in the list. */
export interface MadeCheckpoint {
  readonly record: CheckpointRecord
  /** The checkpoint whose memory has the pages that this one does not store. */
  readonly base?: string | undefined
  readonly pauseMs?: number
}

function isLive({ stopped, diskOnly, guestStays }: RunningOptions): boolean {
  return stopped !== true && diskOnly !== true && guestStays !== true
}

function withStoppedHint(error: unknown, name: string): unknown {
  if (!StasisError.is(error, 'DOMAIN_WRONG_STATE')) return error
  return error.with({ hint: `\`stasis checkpoint ${name} --stopped\` stops it for its memory` })
}

/** One checkpoint on its way from the intent to the list. */
export class NewCheckpoint {
  readonly #held: HeldDomain
  readonly #tree: CheckpointTree
  readonly #plan: CheckpointPlan
  readonly #draft: string
  readonly #complete: string

  constructor(held: HeldDomain, tree: CheckpointTree, plan: CheckpointPlan) {
    this.#held = held
    this.#tree = tree
    this.#plan = plan
    this.#draft = checkpointDirectory(held.directories, held.name, plan.name, 'partial')
    this.#complete = checkpointDirectory(held.directories, held.name, plan.name)
  }

  /** Of a domain that is off: only its disks. */
  async off(): Promise<MadeCheckpoint> {
    await this.#intend()
    try {
      await this.#makeOverlays()
      await this.#copyNvram()
      await this.#useOverlays()
      return { record: await this.#publish({ state: 'shutoff' }) }
    } catch (error) {
      throw await this.#failed(error)
    }
  }

  /** Of a domain that runs. */
  async running(running: RuntimeRecord, options: RunningOptions): Promise<MadeCheckpoint> {
    try {
      return await this.#makeRunning(running, options)
    } catch (error) {
      // Only now: a monitor serves one client at a time.
      await continueStopped(this.#held).catch(() => undefined)
      throw await this.#failed(error)
    }
  }

  async #makeRunning(running: RuntimeRecord, asked: RunningOptions): Promise<MadeCheckpoint> {
    const { signal, report } = asked
    const { paths, name } = this.#held
    await waitForAllMemory(name, paths, signal, ({ image, remainingBytes }) =>
      report({ phase: 'waiting-for-memory', image, remainingBytes }),
    )
    await using control = await openControl(paths, signal)
    // A guest that stands gains nothing from a live way, and QEMU before 8.1 would let it run.
    const stopped = asked.stopped === true || !isRunning(await runState(control))
    const options = { ...asked, stopped }
    const path = options.memoryPath ?? this.#memory('partial')
    await makeDirectory(this.#draft)
    const plan = await this.#planMemory(control, path, options)
    for (const text of plan.warnings) options.onWarning?.(text)
    const sizes = await this.#diskSizes(control)
    const pageDigests = await this.#pageDigests(options)
    await this.#intend(plan.freezes)
    let thawing: Promise<void> | undefined
    const onContinue = (): Promise<void> => (thawing ??= this.#thaw(options.onWarning))
    try {
      await this.#makeOverlays({ sizes, owner: running })
      await using overlays = await openOverlays(
        control,
        this.#plan.choice.overlays,
        this.#plan.domain.disks,
      )
      // Both texts name the overlays from now on. While they are empty, they are the disks below them, so this is right whatever happens next.
      await this.#useOverlays()
      report({ phase: 'stopping' })
      const atStop: AtStop = async (stopped) => {
        await Promise.all([overlayTransaction(control, overlays.open), stopped])
        await this.#copyNvram()
      }
      const freezing = plan.freezes && {
        beforeStop: () => this.#freeze(),
        onContinue,
      }
      const instant = { atStop, ...freezing }
      const taken = await this.#take(control, plan, { ...options, ...instant, path, pageDigests })
      if (plan.freezes) await onContinue()
      const state = plan.wouldRun ? 'running' : 'paused'
      const pauseMs = plan.wouldRun ? taken.pauseMs : 0
      const record = await this.#publish({ state, taken, path })
      const kept = keptMemory(this.#held.directories, name, record)
      const base = kept === undefined ? undefined : (await readBase(kept))?.name
      if (kept !== undefined && base !== undefined)
        await flattenIfLong(this.#held, this.#plan.name, kept).catch((error: unknown) =>
          options.onWarning?.(messageOf(error)),
        )
      return { record, base, pauseMs }
    } catch (error) {
      if (plan.freezes) await onContinue()
      throw error
    }
  }

  async #planMemory(
    control: QmpConnection,
    path: string,
    options: RunningOptions,
  ): Promise<SavePlan | LivePlan> {
    const { signal } = options
    const held = this.#held
    const kept = options.memoryPath === undefined
    try {
      if (!kept) await checkDestination(held.directories, path, { format: options.format })
      if (!isLive(options)) {
        const settings = resolveSaveOptions(options)
        return await planSave(held, control, { ...options, settings, signal })
      }
      const settings = resolveLiveOptions(options)
      return await planLive(held, control, path, {
        ...options,
        settings,
        operation: 'checkpoint',
        kept,
      })
    } catch (error) {
      await removeTree(this.#draft)
      throw isLive(options) ? withStoppedHint(error, held.name) : error
    }
  }

  async #take(
    control: QmpConnection,
    plan: SavePlan | LivePlan,
    options: RunningOptions &
      Instant & { readonly path: string; readonly pageDigests: WriterOptions['pageDigests'] },
  ): Promise<Partial<TakenMemory> & { readonly pauseMs: number }> {
    const { atStop, path, signal, report, guestStays: stays } = options
    const { beforeStop, onContinue = async () => undefined } = options
    const { record } = plan
    const held = this.#held
    if (options.diskOnly === true) {
      const stop = { control, record, file: path, signal, stays, beforeStop }
      return { ...(await whileStopped(held, stop, atStop)), way: 'disks' }
    }
    const listedAs = options.memoryPath ?? this.#memory('complete')
    const shared = { held, control, signal, report, atStop, beforeStop, listedAs }
    if ('choice' in plan) {
      const { pageDigests } = options
      const live = { ...shared, onContinue, pageDigests }
      return captureLive(plan, { ...live, settings: resolveLiveOptions(options) })
    }
    const settings = resolveSaveOptions(options)
    return captureStopped({ ...shared, plan, settings, path, stays })
  }

  /** Whether the digests of the pages are kept, and which image has pages that need not be stored. */
  async #pageDigests(options: RunningOptions): Promise<WriterOptions['pageDigests']> {
    const { format, codec } = resolveSaveOptions(options)
    if (format !== 'stasis' || options.memoryPath !== undefined || !isLive(options))
      return undefined
    // What is not compressed is to be mapped, and only a whole image can be.
    const { incremental = codec !== 'none' } = options
    if (!incremental) return codec === 'none' ? undefined : {}
    const { directories, name, record } = this.#held
    const base = await chooseBase(directories, name, this.#tree.current)
    const isSource = base !== undefined && record?.restoredFrom?.imageId === base.imageId
    return { base: base && { ...base, isSource } }
  }

  #memory(stage: 'complete' | 'partial'): string {
    return memoryFile(this.#held.directories, this.#held.name, this.#plan.name, stage)
  }

  async #diskSizes(control: QmpConnection): Promise<ReadonlyMap<string, number | undefined>> {
    const nodes = await blockNodes(control)
    return new Map(
      this.#plan.choice.disks.map(({ target, path }) => [
        target,
        requireNode(nodes, path, target).image?.['virtual-size'],
      ]),
    )
  }

  /** From here on, any later command knows what this process was about to make. */
  async #intend(freezes?: boolean): Promise<void> {
    const { name, choice } = this.#plan
    const pending = { act: 'create', name, overlays: choice.overlays, freezes } as const
    await writeTree(this.#held.directories, this.#held.name, { ...this.#tree, pending })
    await removeTree(this.#draft)
    await makeDirectory(this.#draft)
  }

  /** The record says so first: whoever lets the guest run again thaws it. */
  async #freeze(): Promise<void> {
    const { name, paths } = this.#held
    const record = await readRecord(paths)
    if (record !== undefined) await writeRecord(paths, { ...record, frozen: true })
    await freezeGuest(name, paths)
  }

  async #thaw(warn: ((text: string) => void) | undefined): Promise<void> {
    const { name, paths } = this.#held
    await thawGuest(name, paths).catch((error: unknown) => warn?.(messageOf(error)))
  }

  async #makeOverlays(
    more: {
      readonly sizes?: ReadonlyMap<string, number | undefined>
      readonly owner?: RuntimeRecord
    } = {},
  ): Promise<void> {
    const { choice, domain } = this.#plan
    for (const overlay of choice.overlays) {
      const sizeBytes = more.sizes?.get(overlay.target)
      await makeOverlay({ ...overlay, sizeBytes }, domain.emulator ?? '')
      const user = more.owner?.confinement
      if (user !== undefined) await setOwnerAndMode(overlay.path, user, 0o600)
    }
  }

  async #useOverlays(): Promise<void> {
    const { directories, name, paths, record } = this.#held
    const { definition, xml } = this.#plan
    await writeDefinition(directories, name, withDiskFiles(definition, this.#switches()))
    if (record !== undefined)
      await writeText(paths.liveXml, withDiskFiles(xml, this.#switches()), { durable: true })
  }

  #switches(): Parameters<typeof withDiskFiles>[1] {
    return this.#plan.choice.overlays.map(({ target, path, backing }) => ({
      ...{ target, path, from: backing },
      ...{ format: 'qcow2', overlay: true },
    }))
  }

  async #copyNvram(): Promise<void> {
    const path = this.#plan.domain.os.nvram?.path
    if (path !== undefined && (await isThere(path))) await copyToNew(path, join(this.#draft, NVRAM))
  }

  async #publish({
    state,
    taken,
    path,
  }: {
    readonly state: CheckpointRecord['state']
    readonly taken?: Partial<TakenMemory> & { readonly pauseMs: number }
    readonly path?: string
  }): Promise<CheckpointRecord> {
    const { directories, name: domain, record: running } = this.#held
    const { name, definition, xml, choice } = this.#plan
    const complete = this.#complete
    const nvram = this.#plan.domain.os.nvram?.path
    const image = taken?.image
    const record: CheckpointRecord = {
      name,
      uuid: running?.uuid ?? this.#plan.domain.uuid ?? '',
      parent: this.#tree.current,
      description: this.#plan.description,
      temporary: this.#plan.temporary,
      createdAt: new Date().toISOString(),
      state,
      memory: image && {
        path: path === this.#memory('partial') ? this.#memory('complete') : image.path,
        bytes: image.allocatedBytes,
      },
      way: taken?.way,
      pauseMs: taken?.pauseMs,
      disks: choice.disks,
      skipped: choice.skipped,
      xml,
      definition,
      nvram:
        nvram !== undefined && (await isThere(join(this.#draft, NVRAM)))
          ? { path: nvram, copy: join(complete, NVRAM) }
          : undefined,
    }
    await writeCheckpoint(this.#draft, record)
    await syncDirectory(this.#draft)
    // The commit point.
    await renameFile(this.#draft, complete)
    await syncDirectory(join(complete, '..'))
    const overlays: readonly DiskOverlay[] = [...this.#tree.overlays, ...choice.overlays]
    await writeTree(directories, domain, {
      ...this.#tree,
      current: name,
      overlays,
      pending: undefined,
    })
    return record
  }

  /** The guest continues on its disks as before. */
  async #failed(error: unknown): Promise<unknown> {
    if (await isThere(this.#complete)) return error
    try {
      await settleCheckpoints(this.#held)
      await removeFile(this.#memory('partial')).catch(() => undefined)
      return error
    } catch (left) {
      if (!(error instanceof StasisError)) return error
      return error.with({
        hint: `The guest writes to overlays of its disks; the next checkpoint command merges them: ${messageOf(left)}`,
      })
    }
  }
}
