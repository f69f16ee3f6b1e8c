import { join } from 'node:path'
import { DomainError, StasisError, messageOf } from '../../errors.ts'
import { makeDirectory, removeTree, setOwnerAndMode } from '../../io/files/directory.ts'
import { copyToNew, isThere, removeFile, renameFile } from '../../io/files/file-names.ts'
import { syncDirectory } from '../../io/files/partial-file.ts'
import { writeText } from '../../io/files/text-file.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { makeOverlay } from '../../qemu/programs/overlay-files.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { type Act, keepAct } from '../acts/keep-act.ts'
import { checkDestination } from '../catalogue/destination.ts'
import { readLiveXml } from '../catalogue/domain-xml.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { freezeGuest, thawGuest } from '../machine/freeze.ts'
import { openControl } from '../machine/monitor.ts'
import { Job } from '../progress/job.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import { resolveLiveOptions } from '../live/live-options.ts'
import { type LivePlan, planLive } from '../live/plan-live.ts'
import { type SavePlan, planSave } from '../save/plan-save.ts'
import { type SaveRequest, resolveSaveOptions } from '../save/save-options.ts'
import { checkOptions } from '../store/check-options.ts'
import {
  type CheckpointRecord,
  type CheckpointTree,
  type DiskOverlay,
  checkCheckpointName,
  checkpointDirectory,
  readCheckpoints,
  writeCheckpoint,
  writeTree,
} from '../store/checkpoint-store.ts'
import { readDefinition, writeDefinition } from '../store/definitions.ts'
import type { DomainOptions, WarningOptions } from '../store/domain-options.ts'
import { refuseManagedImage } from '../store/managed-image.ts'
import { waitForAllMemory } from '../store/postcopy-state.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'
import { captureLive } from './capture-live.ts'
import { type TakenMemory, captureStopped } from './capture-stopped.ts'
import { type DiskChoice, type DiskRequest, chooseDisks } from './disk-choice.ts'
import { blockNodes, openOverlays, overlayTransaction, requireNode } from './disk-nodes.ts'
import { withDiskFiles } from '../catalogue/disk-xml.ts'
import { settleCheckpoints } from './settle-checkpoints.ts'
import { whileStopped } from './brief-stop.ts'

/** How to make a checkpoint. */
export interface CheckpointOptions
  extends DomainOptions, WarningOptions, Omit<SaveRequest, 'digest'> {
  readonly description?: string | undefined
  /** Without the memory: the disks are as after a power cut, or, with `quiesce`, as after an orderly unmount. */
  readonly diskOnly?: boolean | undefined
  /** Stop the guest while its memory is written. Default: it continues as soon as possible. */
  readonly stopped?: boolean | undefined
  /** Freeze the file systems of the guest through the agent inside it for the instant. */
  readonly quiesce?: boolean | 'if-possible' | undefined
  /** The image of the memory. Default: in the state directory. */
  readonly memoryPath?: string | undefined
  /** What to do with single disks. Default: an overlay beside each disk that the guest can write to. */
  readonly disks?: readonly DiskRequest[] | undefined
  readonly onProgress?: OnProgress<SaveProgress> | undefined
}

/** A checkpoint that was made. */
export interface CheckpointResult {
  readonly domain: string
  readonly name: string
  readonly parent: string | undefined
  readonly state: CheckpointRecord['state']
  readonly memory: CheckpointRecord['memory']
  readonly way: string | undefined
  /** How long the guest stood, in milliseconds; 0 if it did not run. */
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
    return await createHeld(held, tree, name, { ...options, act })
  })
  return nameCancel(`make a checkpoint of domain '${reference}'`, make)
}

/** `createCheckpoint` for callers that hold the domain and have settled its checkpoints. */
export async function createHeld(
  held: HeldDomain,
  tree: CheckpointTree,
  name: string,
  options: CheckpointOptions & { readonly act: Act; readonly guestStays?: boolean },
): Promise<CheckpointResult> {
  const startMs = performance.now()
  const { directories, record: running } = held
  await using job = await Job.begin(held.paths, 'checkpoint', options)
  const { signal, report } = job
  report({ phase: 'checking' })
  const definition = await readDefinition(directories, held.name)
  if (definition === undefined)
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Domain '${held.name}' is not defined: it only runs`,
      {
        hint: 'A checkpoint outlives the guest, so the domain needs a definition',
      },
    )
  if (running?.attached !== undefined)
    throw new DomainError(
      'DOMAIN_WRONG_STATE',
      `Stasis did not start the QEMU of domain '${held.name}', so it does not change its disks`,
    )
  await requireNewName(held, name, options.memoryPath)
  if (running === undefined) {
    await refuseManagedImage(held.name, held.paths, 'kept in a checkpoint', undefined)
    if (held.whereSaved !== undefined)
      throw new DomainError(
        'DOMAIN_WRONG_STATE',
        `Domain '${held.name}' is in a save image, so its disks alone are no checkpoint`,
        { hint: held.whereSaved },
      )
  }
  const xml = running === undefined ? definition : await readLiveXml(held.paths)
  const { domain } = readDomain(parseDomainXml(xml), { tolerant: true })
  const choice = await chooseDisks(domain, name, options.disks)
  await options.act.before({ image: options.memoryPath }, signal)
  const making = new Making(held, tree, {
    name,
    description: options.description,
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
    way: record.way,
    pauseMs,
    totalMs: performance.now() - startMs,
    disks: record.disks,
    skipped: record.skipped,
  })
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

/** The parts of a checkpoint before it is made. */
interface Plan {
  readonly name: string
  readonly description: string | undefined
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

interface Made {
  readonly record: CheckpointRecord
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
class Making {
  readonly #held: HeldDomain
  readonly #tree: CheckpointTree
  readonly #plan: Plan
  readonly #draft: string
  readonly #complete: string

  constructor(held: HeldDomain, tree: CheckpointTree, plan: Plan) {
    this.#held = held
    this.#tree = tree
    this.#plan = plan
    this.#draft = checkpointDirectory(held.directories, held.name, plan.name, 'partial')
    this.#complete = checkpointDirectory(held.directories, held.name, plan.name)
  }

  /** Of a domain that is off: only its disks. */
  async off(): Promise<Made> {
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
  async running(running: RuntimeRecord, options: RunningOptions): Promise<Made> {
    try {
      return await this.#makeRunning(running, options)
    } catch (error) {
      // Only now: a monitor serves one client at a time.
      throw await this.#failed(error)
    }
  }

  async #makeRunning(running: RuntimeRecord, options: RunningOptions): Promise<Made> {
    const { signal, report } = options
    const { paths, name } = this.#held
    await waitForAllMemory(name, paths, signal, ({ image, remainingBytes }) =>
      report({ phase: 'waiting-for-memory', image, remainingBytes }),
    )
    await using control = await openControl(paths, signal)
    const path = options.memoryPath ?? join(this.#draft, MEMORY)
    await makeDirectory(this.#draft)
    const plan = await this.#planMemory(control, path, options)
    for (const text of plan.warnings) options.onWarning?.(text)
    const sizes = await this.#diskSizes(control)
    await this.#intend()
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
      const atStop = async (): Promise<void> => {
        await overlayTransaction(control, overlays.open)
        await this.#copyNvram()
      }
      if (plan.freezes) await freezeGuest(name, paths)
      const taken = await this.#take(control, plan, { ...options, atStop, path })
      if (plan.freezes && options.guestStays !== true)
        await thawGuest(name, paths).catch((error: unknown) =>
          options.onWarning?.(messageOf(error)),
        )
      const state = plan.wouldRun ? 'running' : 'paused'
      const pauseMs = plan.wouldRun ? taken.pauseMs : 0
      const record = await this.#publish({ state, taken, path })
      return { record, pauseMs }
    } catch (error) {
      if (plan.freezes) await thawGuest(name, paths).catch(() => undefined)
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
    options: RunningOptions & { readonly atStop: () => Promise<void>; readonly path: string },
  ): Promise<Partial<TakenMemory> & { readonly pauseMs: number }> {
    const { atStop, path, signal, report, guestStays: stays } = options
    const { record } = plan
    const held = this.#held
    if (options.diskOnly === true) {
      const stop = { control, record, file: path, signal, stays }
      return { ...(await whileStopped(held, stop, atStop)), way: 'disks' }
    }
    const listedAs = options.memoryPath ?? join(this.#complete, MEMORY)
    const shared = { held, control, signal, report, atStop, listedAs }
    if ('choice' in plan)
      return captureLive(plan, { ...shared, settings: resolveLiveOptions(options) })
    const settings = resolveSaveOptions(options)
    return captureStopped({ ...shared, plan, settings, path, stays })
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
  async #intend(): Promise<void> {
    const { name, choice } = this.#plan
    const pending = { act: 'create', name, overlays: choice.overlays } as const
    await writeTree(this.#held.directories, this.#held.name, { ...this.#tree, pending })
    await removeTree(this.#draft)
    await makeDirectory(this.#draft)
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
      createdAt: new Date().toISOString(),
      state,
      memory: image && {
        path: path === join(this.#draft, MEMORY) ? join(complete, MEMORY) : image.path,
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
      await removeFile(join(this.#draft, MEMORY)).catch(() => undefined)
      return error
    } catch (left) {
      if (!(error instanceof StasisError)) return error
      return error.with({
        hint: `The guest writes to overlays of its disks; the next checkpoint command merges them: ${messageOf(left)}`,
      })
    }
  }
}

const MEMORY = 'memory.save'
const NVRAM = 'nvram.fd'
