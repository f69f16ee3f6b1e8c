import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { QemuError, UsageError } from '../../errors.ts'
import { openImage } from '../../image/open-image.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { contVm } from '../../migration/run-state.ts'
import { openImageSender } from '../../transfer/image-senders/sender-table.ts'
import type { ImageSender } from '../../transfer/image-senders/image-sender.ts'
import { CloneFiles } from './clone.ts'
import { afterResume } from './after-resume.ts'
import { resolveDirectories } from '../store/directories.ts'
import { HeldDomain } from '../store/held-domain.ts'
import { findCached } from './image-cache.ts'
import { beginGuest, checkStale } from './check-stale.ts'
import { Job } from '../progress/job.ts'
import { FirstOutput } from './first-output.ts'
import { forgetEnd } from '../store/last-end.ts'
import { removeConsumedManagedSave } from '../store/presence.ts'
import { checkIdentity } from '../store/identity.ts'
import { LaunchedMachine } from '../machine/launch-machine.ts'
import { migrationFeatures } from '../machine/migration-features.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { postcopyObstacle } from '../postcopy/postcopy-obstacle.ts'
import { PostcopySource } from '../postcopy/postcopy-source.ts'
import { type ChosenMode, chooseMode, postcopyRefusal } from './restore-mode.ts'
import { type RestorePlan, planRestore } from './restore-plan.ts'
import { transferIn } from './restore-transfer.ts'
import type { RestoreOptions, RestoreResult } from './restore-request.ts'
import { waitForMore } from './restore-wait.ts'

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
  own: { readonly managedSave?: HeldDomain; readonly output?: FirstOutput | undefined },
): Promise<RestoreResult> {
  const left: PostcopySource[] = []
  try {
    return await restoreUntilItRuns(path, options, { ...own, left })
  } finally {
    // Last: all that follows would share the processors with a process that begins.
    for (const postcopy of left) await postcopy.handOver()
  }
}

/** What is to be handed over, whether this succeeds or not, is `left`. */
async function restoreUntilItRuns(
  path: string,
  options: RestoreOptions,
  own: {
    readonly managedSave?: HeldDomain
    readonly output?: FirstOutput | undefined
    readonly left: PostcopySource[]
  },
): Promise<RestoreResult> {
  const { managedSave, output, left } = own
  const { signal: asked, onProgress } = options
  const startMs = performance.now()
  const file = resolve(path)
  const readers = resolveReaders(options.readers)
  const directories = resolveDirectories(options)

  onProgress?.({ phase: 'opening' })
  const direct = options.bypassCache
  await using opened = new AsyncDisposableStack()
  const image = opened.use(await openImage(file, { direct, signal: asked }))
  const plan = await planRestore(image, options.xml, directories, options)
  const { name } = plan.domain
  output?.begin(plan.domain)
  await using stack = new AsyncDisposableStack()
  const held = managedSave ?? stack.use(await HeldDomain.named(name, 'restore', options))
  await using job = await Job.begin(
    held.paths,
    managedSave === undefined ? 'restore' : 'start',
    options,
  )
  const { signal, report } = job
  held.requireOff()
  const [source] = await Promise.all([
    checkStale(held, image, plan.domain, { ...options, managedSave }),
    checkIdentity(directories, { name, uuid: plan.uuid }),
  ])

  const chosen = await chooseMode(image, plan, {
    asked: plan.recorded === undefined ? (options.mode ?? 'auto') : 'load',
    cached: options.mode === 'load' ? undefined : await findCached(directories, image),
    postcopyObstacle,
  })
  using memory = chosen.mode === 'map' ? chosen.memory : undefined
  await using files =
    plan.clone === undefined
      ? undefined
      : await CloneFiles.make(plan.clone, plan.emulator.probed.emulator)
  const mappedRam = plan.emulator.probed.migrationCapabilities.includes('mapped-ram')
  const reading = { readers, mappedRam, signal }
  await using sender = chosen.mode === 'lazy' ? undefined : openSender(image, plan, chosen, reading)
  await using postcopy =
    chosen.mode === 'lazy'
      ? PostcopySource.begin(held.paths, image, plan.domain, {
          direct,
          readers: readers,
          stateDir: directories.stateDir,
        })
      : undefined
  report({ phase: 'starting' })
  await using machine = await LaunchedMachine.launch(held, {
    ...plan,
    incoming: true,
    memoryFiles: sender?.memoryFiles,
    mappedFiles: memory?.files,
    postcopy: postcopy && { path: held.paths.postcopySocket, inherited: postcopy.inherited },
    signal,
  })
  const { control } = machine
  const launchedMs = performance.now()
  const socketPath = held.paths.migrationSocket
  const postcopyRefused = await postcopy?.loadDevices(control, signal)
  if (postcopyRefused !== undefined && options.mode === 'lazy')
    throw postcopyRefusal(image, postcopyRefused.reason)
  const lazy = postcopy !== undefined && postcopyRefused === undefined
  if (!lazy) {
    await postcopy?.[Symbol.asyncDispose]()
    await using late = sender ?? openImageSender(image, { ...reading, backends: [] })
    const { emulator } = plan.emulator.probed
    const features = await migrationFeatures(control, emulator, directories, signal)
    const { pid } = machine.record
    // What QEMU refused to begin changes nothing, but asking is cheap then.
    const fresh = plan.recorded === undefined && postcopyRefused === undefined
    await transferIn(control, late, { socketPath, features, fresh, pid, signal, report })
  }
  const loadedMs = performance.now()

  report({ phase: 'resuming' })
  const runs =
    options.resumeAs === undefined ? image.description.wasRunning : options.resumeAs === 'running'
  if (runs) await beginGuest(held, { ...machine.completed, restoredFrom: source }, plan.domain)
  else await machine.markComplete({ restoredFrom: source })
  const keep = (): void => {
    machine.detach()
    files?.detach()
    if (lazy) left.push(postcopy.detach(opened.move()))
  }
  try {
    if (runs && lazy) await postcopy.watch((bounds) => contVm(control, bounds), signal)
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
  if (runs)
    await removeConsumedManagedSave(held.paths, { restoredFrom: { ...source, begun: true } })
  if (runs) await afterResume(held, control, options)
  const ramBytes = plan.domain.memoryBytes
  const mode = postcopyRefused === undefined ? chosen.mode : 'load'
  return job.complete({
    name,
    uuid: plan.uuid,
    id: machine.record.pid,
    path: file,
    format: image.format,
    state: runs ? 'running' : 'paused',
    mode,
    modeReason: postcopyRefused === undefined ? chosen.why : `no lazy: ${postcopyRefused.reason}`,
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

function openSender(
  image: SavedMachine,
  plan: RestorePlan,
  chosen: ChosenMode,
  options: {
    readonly readers: number
    readonly mappedRam: boolean
    readonly signal: AbortSignal | undefined
  },
): ImageSender {
  if (chosen.mode !== 'map') return openImageSender(image, { ...options, backends: plan.backends })
  const mapped = new Set(chosen.memory.files.keys())
  return openImageSender(image, { ...options, backends: [], mapped })
}

const MAX_READERS = 64

function resolveReaders(asked: number | undefined): number {
  const readers = asked ?? Math.min(8, availableParallelism())
  if (Number.isInteger(readers) && readers >= 1 && readers <= MAX_READERS) return readers
  throw new UsageError(
    'BAD_ARGUMENT',
    `${readers} is no number of readers: it must be from 1 to ${MAX_READERS}`,
  )
}
