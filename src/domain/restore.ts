import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { QemuError, UsageError } from '../errors.ts'
import { openImage } from '../image/open-image.ts'
import { openImageFile } from '../image/opened-image.ts'
import type { SaveFormat } from '../image/save-format.ts'
import type { SavedMachine } from '../image/saved-machine.ts'
import { contVm } from '../migration/run-state.ts'
import { openRestoreFeed } from '../transfer/restore-feed-table.ts'
import type { RestoreFeed } from '../transfer/restore-feed.ts'
import type { CloneRequest } from './clone-xml.ts'
import { CloneFiles } from './clone.ts'
import { afterWaking } from './after-waking.ts'
import { resolveDirectories } from './directories.ts'
import type { DomainOptions } from './domain-options.ts'
import { HeldDomain } from './held-domain.ts'
import { findCached } from './image-cache.ts'
import { beginGuest, checkOrigin } from './image-origin.ts'
import { Job } from './job.ts'
import { FirstOutput } from './first-output.ts'
import { forgetEnd } from './last-end.ts'
import { dropConsumed } from './presence.ts'
import { checkIdentity } from './identity.ts'
import { LaunchedMachine } from './launch-machine.ts'
import { migrationFeatures } from './migration-features.ts'
import { nameCancel } from './name-cancel.ts'
import type { UnsupportedOptions } from './prepare-machine.ts'
import type { OnProgress, RestoreProgress } from './progress.ts'
import { lazyObstacle } from './lazy-obstacle.ts'
import { FillStart } from './restore-lazily.ts'
import { type ChosenMode, type RestoreMode, chooseMode, notLazily } from './restore-mode.ts'
import { type RestorePlan, planRestore } from './restore-plan.ts'
import { transferIn } from './restore-transfer.ts'
import { waitForMore } from './restore-wait.ts'
import type { XmlText } from './xml-text.ts'

/** How to restore. */
export interface RestoreOptions extends DomainOptions, UnsupportedOptions {
  /** How memory comes back. Default `auto`: the first of map, lazy and load that image, QEMU and host allow and that is worth it. */
  readonly mode?: RestoreMode | 'auto' | undefined
  /** Restore as another domain, beside the one that was saved. */
  readonly clone?: CloneRequest | undefined
  /** Domain XML to use in place of the image's; the guest must not see a difference. */
  readonly xml?: XmlText | undefined
  /** Workers that read the image at the same time, 1 to 64. Default: the number of processors, at most 8. */
  readonly connections?: number | undefined
  /** Read past the page cache. Default: for `stasis`. */
  readonly bypassCache?: boolean | undefined
  /** What the guest shall do. Default: what it did when it was saved. */
  readonly resumeAs?: 'running' | 'paused' | undefined
  /** Restore it even though its guest ran on from it before, or without it, and has written to its disks since. */
  readonly force?: boolean | undefined
  /** Set the guest's clock through the agent inside it, once it runs. */
  readonly syncTime?: boolean | undefined
  /** Give the guest another generation id, for it may go on more than once. */
  readonly newGenid?: boolean | undefined
  /**
   * What to wait for besides the guest to run, so that the result has its time: until all memory is in QEMU; until the guest first
   * writes to a serial port that goes to a file.
   */
  readonly wait?: 'memory' | 'output' | 'both' | undefined
  readonly onProgress?: OnProgress<RestoreProgress> | undefined
}

/** Where the time of a restore went, in milliseconds. */
export interface RestoreTiming {
  /** Until the guest ran. */
  readonly totalMs: number
  /** Until QEMU was started and its machine stood empty. */
  readonly startMs: number
  readonly loadMs: number
  readonly resumeMs: number
  /** From the start of the restore until the device state was in QEMU. */
  readonly deviceStateMs: number
  /** From the start of the restore until the guest first wrote to its serial port; `undefined` when that was not waited for. */
  readonly firstOutputMs: number | undefined
  /**
   * From the start of the restore until all memory was in QEMU; `undefined` when that was not waited for (lazy) or never will be so
   * (map).
   */
  readonly allRamMs: number | undefined
}

/** A domain that was in a file and runs now. */
export interface RestoreResult {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU. */
  readonly id: number
  readonly path: string
  readonly format: SaveFormat
  readonly state: 'running' | 'paused'
  readonly mode: RestoreMode
  /** Why this mode, and not another. */
  readonly modeReason: string
  /** Guest memory. */
  readonly ramBytes: number
  readonly timing: RestoreTiming
  readonly throughputBytesPerSecond: number
}

/**
 * Restores a domain from a save image. When it fails no QEMU and no file is left, and the image is as it was; what fails while
 * waiting for more than the guest to run leaves the guest running.
 * @throws ImageError naming file and offset, DomainError, DomainXmlError, QemuError, StorageError; UsageError; CancelledError
 */
export async function restoreDomain(
  path: string,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  return nameCancel(`restore ${path}`, restoreAndWait(path, options))
}

async function restoreAndWait(path: string, options: RestoreOptions): Promise<RestoreResult> {
  const startMs = performance.now()
  using output =
    options.wait === 'output' || options.wait === 'both' ? new FirstOutput() : undefined
  const result = await restoreImage(path, options, { output })
  return await waitForMore(result, { ...options, output, startMs })
}

/** `restoreDomain` without the waiting, also for who holds the domain, whose managed save it then is. */
export async function restoreImage(
  path: string,
  options: RestoreOptions,
  own: { readonly parked?: HeldDomain; readonly output?: FirstOutput | undefined },
): Promise<RestoreResult> {
  const left: FillStart[] = []
  try {
    return await restoreUntilItRuns(path, options, { ...own, left })
  } finally {
    // Last: all that follows would share the processors with a process that begins.
    for (const fill of left) await fill.handOver()
  }
}

/** What is to be handed over, whether this succeeds or not, is `left`. */
async function restoreUntilItRuns(
  path: string,
  options: RestoreOptions,
  own: {
    readonly parked?: HeldDomain
    readonly output?: FirstOutput | undefined
    readonly left: FillStart[]
  },
): Promise<RestoreResult> {
  const { parked, output, left } = own
  const { signal: asked, onProgress } = options
  const startMs = performance.now()
  const file = resolve(path)
  const connections = settleConnections(options.connections)
  const directories = resolveDirectories(options)

  onProgress?.({ phase: 'opening' })
  const direct = options.bypassCache ?? (await formatOf(file)) === 'stasis'
  await using opened = new AsyncDisposableStack()
  const image = opened.use(await openImage(file, { direct, signal: asked }))
  const plan = await planRestore(image, options.xml, directories, options)
  const { name } = plan.domain
  output?.begin(plan.domain)
  await using taken =
    parked === undefined ? await HeldDomain.named(name, 'restore', options) : undefined
  const held = taken ?? parked ?? (await HeldDomain.named(name, 'restore', options))
  await using job = await Job.begin(held.paths, parked === undefined ? 'restore' : 'start', options)
  const { signal, report } = job
  held.requireOff()
  const [source] = await Promise.all([
    checkOrigin(held, image, plan.domain, { ...options, parked }),
    checkIdentity(directories, { name, uuid: plan.uuid }),
  ])

  const chosen = await chooseMode(image, plan, {
    asked: plan.recorded === undefined ? (options.mode ?? 'auto') : 'load',
    cached: options.mode === 'load' ? undefined : await findCached(directories, image),
    lazyObstacle,
  })
  await using files =
    plan.clone === undefined
      ? undefined
      : await CloneFiles.make(plan.clone, plan.emulator.probed.emulator)
  using memory = chosen.mode === 'map' ? chosen.memory : undefined
  const mappedRam = plan.emulator.probed.migrationCapabilities.includes('mapped-ram')
  const reading = { connections, direct, mappedRam, signal }
  await using feed = chosen.mode === 'lazy' ? undefined : openFeed(image, plan, chosen, reading)
  await using fill =
    chosen.mode === 'lazy'
      ? FillStart.begin(held.paths, image, plan, {
          direct,
          readers: connections,
          stateDir: directories.stateDir,
        })
      : undefined
  report({ phase: 'starting' })
  await using machine = await LaunchedMachine.launch(held, {
    ...plan,
    incoming: true,
    memoryFiles: feed?.memoryFiles,
    mappedFiles: memory?.files,
    fill: fill && { path: held.paths.fillSocket, inherited: fill.inherited },
    signal,
  })
  const { control } = machine
  const launchedMs = performance.now()
  const socketPath = held.paths.migrationSocket
  const notLazy = await fill?.loadDevices(control, signal)
  if (notLazy !== undefined && options.mode === 'lazy') throw notLazily(image, notLazy)
  const lazy = fill !== undefined && notLazy === undefined
  if (!lazy) {
    await fill?.[Symbol.asyncDispose]()
    await using late = feed ?? openRestoreFeed(image, { ...reading, backends: [] })
    const { emulator } = plan.emulator.probed
    const features = await migrationFeatures(control, emulator, directories, signal)
    const { pid } = machine.record
    // What QEMU refused to begin changes nothing, but asking is cheap then.
    const fresh = plan.recorded === undefined && notLazy === undefined
    await transferIn(control, late, { socketPath, features, fresh, pid, signal, report })
  }
  const loadedMs = performance.now()

  report({ phase: 'resuming' })
  const runs =
    options.resumeAs === undefined ? image.description.wasRunning : options.resumeAs === 'running'
  if (runs) await beginGuest(held, { ...machine.completed, origin: source }, plan.domain)
  else await machine.markComplete({ origin: source })
  const keep = (): void => {
    machine.keep()
    files?.keep()
    if (lazy) left.push(fill.keep(opened.move()))
  }
  try {
    if (runs && lazy) await fill.watch((bounds) => contVm(control, bounds), signal)
    else if (runs) await contVm(control, { signal })
  } catch (error) {
    // A guest that may run only goes on from here: the rest is for postcopy-recover.
    const refused = error instanceof QemuError && error.code === 'QEMU_REFUSED'
    if (lazy && !refused) keep()
    throw error
  }
  const ranMs = performance.now()
  keep()
  await forgetEnd(held.paths)
  if (runs) await dropConsumed(held.paths, { origin: { ...source, begun: true } })
  if (runs) await afterWaking(held, control, options)
  const ramBytes = plan.domain.memoryBytes
  const mode = notLazy === undefined ? chosen.mode : 'load'
  return job.complete({
    name,
    uuid: plan.uuid,
    id: machine.record.pid,
    path: file,
    format: image.format,
    state: runs ? 'running' : 'paused',
    mode,
    modeReason: notLazy === undefined ? chosen.why : `no lazy: ${notLazy}`,
    ramBytes,
    timing: {
      totalMs: ranMs - startMs,
      startMs: launchedMs - startMs,
      loadMs: loadedMs - launchedMs,
      resumeMs: ranMs - loadedMs,
      deviceStateMs: loadedMs - startMs,
      firstOutputMs: undefined,
      allRamMs: mode === 'load' ? loadedMs - startMs : undefined,
    },
    throughputBytesPerSecond: (ramBytes / (ranMs - startMs)) * 1000,
  })
}

function openFeed(
  image: SavedMachine,
  plan: RestorePlan,
  chosen: ChosenMode,
  options: {
    readonly connections: number
    readonly direct: boolean
    readonly mappedRam: boolean
    readonly signal: AbortSignal | undefined
  },
): RestoreFeed {
  if (chosen.mode !== 'map') return openRestoreFeed(image, { ...options, backends: plan.backends })
  const mapped = new Set(chosen.memory.files.keys())
  return openRestoreFeed(image, { ...options, backends: [], mapped })
}

const MAX_CONNECTIONS = 64

function settleConnections(asked: number | undefined): number {
  const connections = asked ?? Math.min(8, availableParallelism())
  if (Number.isInteger(connections) && connections >= 1 && connections <= MAX_CONNECTIONS)
    return connections
  throw new UsageError(
    'BAD_ARGUMENT',
    `${connections} is no number of connections: it must be from 1 to ${MAX_CONNECTIONS}`,
  )
}

async function formatOf(path: string): Promise<SaveFormat> {
  const { file, header } = await openImageFile(path, { direct: false })
  await file.close()
  return header.format
}
