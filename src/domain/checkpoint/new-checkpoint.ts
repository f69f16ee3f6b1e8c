import { join } from 'node:path'
import { StasisError, messageOf } from '../../errors.ts'
import { readBase } from '../../image/stasis/reader.ts'
import { makeDirectory, removeTree } from '../../io/files/directory.ts'
import { isThere, removeFile, renameFile } from '../../io/files/file-names.ts'
import { syncDirectory } from '../../io/files/partial-file.ts'
import { writeText } from '../../io/records/text-file.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { ProcessIdentity } from '../../qemu/process/process-identity.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { isRunning, runState } from '../../migration/run-state.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'
import type { AtStop } from '../live/ways/live-way.ts'
import type { LivePlan } from '../live/plan-live.ts'
import type { SavePlan } from '../save/plan-save.ts'
import { checkpointDirectory } from '../store/checkpoints/checkpoint-directory.ts'
import { type CheckpointRecord, writeCheckpoint } from '../store/checkpoints/checkpoint-record.ts'
import { type CheckpointTree, writeTree } from '../store/checkpoints/checkpoint-tree.ts'
import type { DiskOverlay } from '../store/checkpoints/disk-overlay.ts'
import { writeDefinition } from '../store/definitions.ts'
import { waitForAllMemory } from '../store/postcopy-state.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'
import type { TakenMemory } from './capture-stopped.ts'
import { keepNvram, keptNvram } from './checkpoint-nvram.ts'
import type { DiskChoice } from './disks/disk-choice.ts'
import { openOverlays, overlayTransaction } from './disks/disk-nodes.ts'
import { diskSizes, makeOverlays } from './disks/new-overlays.ts'
import { flattenIfLong } from './memory/flatten-in-background.ts'
import { keptMemory, memoryFile } from './memory/memory-file.ts'
import { withOverlays } from '../catalogue/disk-xml.ts'
import { settleCheckpoints } from './settle-checkpoints.ts'
import { continueStopped } from '../save/brief-stop.ts'
import { choosePageDigests } from './page-digests.ts'
import { planMemory } from './plan-memory.ts'
import { freezeRecorded, thawOrWarn } from './quiesce.ts'
import type { RunningOptions } from './running-options.ts'
import { takeMemory } from './take-memory.ts'

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

/** A checkpoint that is in the list. */
export interface MadeCheckpoint {
  readonly record: CheckpointRecord
  /** The checkpoint whose memory has the pages that this one does not store. */
  readonly base?: string | undefined
  readonly pauseMs?: number
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
      await makeOverlays(this.#plan.choice.overlays, { emulator: this.#emulator })
      await keepNvram(this.#plan.domain, this.#draft)
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
    // A guest that is stopped gains nothing from a live way, and QEMU before 8.1 would let it run.
    const stopped = asked.stopped === true || !isRunning(await runState(control))
    const options = { ...asked, stopped }
    const path = options.memoryPath ?? this.#memory('partial')
    await makeDirectory(this.#draft)
    const plan = await this.#planMemory(control, path, options)
    for (const text of plan.warnings) options.onWarning?.(text)
    const { domain, choice } = this.#plan
    const sizes = await diskSizes(control, choice.disks)
    const pageDigests = await choosePageDigests(this.#held, this.#tree, options)
    await this.#intend(plan.freezes)
    let thawing: Promise<void> | undefined
    const onContinue = (): Promise<void> => (thawing ??= thawOrWarn(this.#held, options.onWarning))
    try {
      const files = { emulator: this.#emulator, sizes, owner: running }
      await makeOverlays(choice.overlays, files)
      await using overlays = await openOverlays(control, choice.overlays, domain.disks)
      // Both texts name the overlays from now on. While they are empty, they are the disks below them, so this is right whatever happens next.
      await this.#useOverlays()
      report({ phase: 'stopping' })
      const atStop: AtStop = async (stopped) => {
        await Promise.all([overlayTransaction(control, overlays.open), stopped])
        await keepNvram(domain, this.#draft)
      }
      const freezing = plan.freezes && {
        beforeStop: () => freezeRecorded(this.#held),
        onContinue,
      }
      const listedAs = options.memoryPath ?? this.#memory('complete')
      const instant = { atStop, path, listedAs, pageDigests, ...freezing }
      const taken = await takeMemory(this.#held, control, plan, { ...options, ...instant })
      if (plan.freezes) await onContinue()
      const state = plan.wouldRun ? 'running' : 'paused'
      const pauseMs = plan.wouldRun ? taken.pauseMs : 0
      const record = await this.#publish({ state, taken, path })
      return { record, base: await this.#baseOf(record, options), pauseMs }
    } catch (error) {
      if (plan.freezes) await onContinue()
      throw error
    }
  }

  /** The name of the base of its memory. A chain that has become long is flattened in the background. */
  async #baseOf(
    record: CheckpointRecord,
    { onWarning }: RunningOptions,
  ): Promise<string | undefined> {
    const { directories, name } = this.#held
    const memory = keptMemory(directories, name, record)
    const base = memory === undefined ? undefined : await readBase(memory)
    if (memory === undefined || base === undefined) return undefined
    await flattenIfLong(this.#held, this.#plan.name, memory).catch((error: unknown) =>
      onWarning?.(messageOf(error)),
    )
    return base.name
  }

  async #planMemory(
    control: QmpConnection,
    path: string,
    options: RunningOptions,
  ): Promise<SavePlan | LivePlan> {
    try {
      return await planMemory(this.#held, control, path, options)
    } catch (error) {
      await removeTree(this.#draft)
      throw error
    }
  }

  get #emulator(): string {
    return this.#plan.domain.emulator ?? ''
  }

  #memory(stage: 'complete' | 'partial'): string {
    return memoryFile(this.#held.directories, this.#held.name, this.#plan.name, stage)
  }

  /** From here on, any later command knows what this process was about to make. */
  async #intend(freezes?: boolean): Promise<void> {
    const { name, choice } = this.#plan
    const pending = { act: 'create', name, overlays: choice.overlays, freezes } as const
    await writeTree(this.#held.directories, this.#held.name, { ...this.#tree, pending })
    await removeTree(this.#draft)
    await makeDirectory(this.#draft)
  }

  async #useOverlays(): Promise<void> {
    const { directories, name, paths, record } = this.#held
    const { definition, xml, choice } = this.#plan
    await writeDefinition(directories, name, withOverlays(definition, choice.overlays))
    if (record !== undefined)
      await writeText(paths.liveXml, withOverlays(xml, choice.overlays), { durable: true })
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
      nvram: await keptNvram(this.#plan.domain, { draft: this.#draft, complete }),
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
