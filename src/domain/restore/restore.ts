import { StasisError } from '../../errors.ts'
import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { checkOptions } from '../store/check-options.ts'
import { resolve } from 'node:path'
import { openImage } from '../../image/open-image.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { CloneFiles } from './clone.ts'
import { type Act, type ActFacts, keepAct } from '../acts/keep-act.ts'
import { afterResume } from './after-resume.ts'
import { openDirectories } from '../store/directories.ts'
import { removeSpareNetworks } from '../networks/spare-networks.ts'
import { rememberNetworks } from '../store/host/known-networks.ts'
import { takeLinksDown, unconnected } from '../networks/link-state.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { findCached } from './image-cache.ts'
import { beginRestored } from './begin-restored.ts'
import { startThreads } from './early-threads.ts'
import { checkStale } from './check-stale.ts'
import { Job } from '../progress/job.ts'
import { FirstOutput } from './first-output.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { SecondName } from '../store/second-name.ts'
import { removeLastEnd } from '../store/last-end.ts'
import { consumeManagedSave } from '../catalogue/consume-managed-save.ts'
import { checkIdentity, checkRunningIdentity } from '../catalogue/identity.ts'
import { LaunchedMachine } from '../machine/launch/launch-machine.ts'
import { isFrozenInCookie } from '../cookie/freeze-cookie.ts'
import { describeSalvage, salvageInCookie } from '../cookie/salvage-cookie.ts'
import { viewOf } from '../machine/qemu-view.ts'
import { migrationFeatures } from '../machine/migration-features.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { PreparedServer } from '../postcopy/prepared-server.ts'
import { postcopyObstacle } from '../postcopy/postcopy-obstacle.ts'
import { chooseSource } from '../memory-sources/choose-source.ts'
import type { HandOver, NeededFile, WaitingQemu } from '../memory-sources/memory-source.ts'
import { restoreUser } from './restore-user.ts'
import { RestoreClock } from './restore-clock.ts'
import { type RestorePlan, planRestore } from './restore-plan.ts'
import type { RestoreOptions, RestoreResult } from './restore-request.ts'
import { restoreResult } from './restore-result.ts'
import { resolveReaders } from './readers.ts'
import { waitForMore } from './restore-wait.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { processorInCookie } from '../cookie/processor-cookie.ts'
import { lacksFeatures, missingFeatures } from '../machine/missing-features.ts'
import { processorWords } from '../machine/processor-words.ts'

/**
 * Restores a domain from a save image. After a failure no QEMU and no file is left, and the image is unchanged. A failure of a further wait leaves
 * the guest running.
 * @throws ImageError with file and offset, DomainError, DomainXmlError, QemuError, StorageError; UsageError; CancelledError
 * @example
 * const { name, id, mode, modeReason, timing } = await restoreDomain('/backup/web.save', {
 *   signal: AbortSignal.timeout(60_000),
 * })
 * console.log(`${name} runs as process ${id} after ${timing.totalMs} ms (${mode}: ${modeReason})`)
 */
export async function restoreDomain(
  path: FilePath,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  const image = givenPath(path, 'the image')
  return nameCancel(`restore ${image}`, restoreAndWait(image, options))
}

async function restoreAndWait(path: string, options: RestoreOptions): Promise<RestoreResult> {
  checkOptions(options, {
    mode: ['auto', 'map', 'lazy', 'load'],
    wait: ['memory', 'output', 'both'],
  })
  const startMs = performance.now()
  using output =
    options.wait === 'output' || options.wait === 'both' ? new FirstOutput() : undefined
  const { onWarning } = options
  const plan = { act: 'restore', image: resolve(path) } as const
  const result = await keepAct(
    { plan, directories: options, facts: restoreFacts, onWarning },
    (act) => restoreImage(path, options, { output, act }),
  )
  return await waitForMore(result, { ...options, output, startMs })
}

/** The facts of a restore for the journal. */
export function restoreFacts(result: RestoreResult): ActFacts {
  const { name, uuid, path, format, mode, ramBytes } = result
  return { domain: name, uuid, image: path, format, mode, memoryBytes: ramBytes }
}

/** Inputs of a restore that only callers inside this library have. */
interface RestoreCaller {
  readonly act: Act
  /** The domain whose managed save the image is, held by the caller. */
  readonly managedSave?: HeldDomain
  /** The domain of another image, held by the caller. */
  readonly held?: HeldDomain
  /** Watches for the first output, beginning before QEMU starts. */
  readonly output?: FirstOutput | undefined
}

/** `restoreDomain` without the further waits, also for callers that hold the domain whose managed save the image is. */
export async function restoreImage(
  path: string,
  options: RestoreOptions,
  own: RestoreCaller,
): Promise<RestoreResult> {
  const last: HandOver[] = []
  try {
    return await restoreUntilItRuns(path, options, { ...own, last })
  } finally {
    // Last: everything else would share the processors with a process that starts.
    for (const handOver of last) await handOver()
  }
}

/** The steps of a restore. Steps to run last, even after a failure, go into `last`. */
async function restoreUntilItRuns(
  path: string,
  options: RestoreOptions,
  { managedSave, held: given, output, act, last }: RestoreCaller & { readonly last: HandOver[] },
): Promise<RestoreResult> {
  const clock = new RestoreClock()
  const { bypassCache: direct, mode = 'auto' } = options
  const readers = resolveReaders(options.readers)
  const file = resolve(path)
  await using threads = mode === 'load' ? await startThreads(file, readers) : undefined
  const directories = await openDirectories(options)
  await using server = mode === 'lazy' ? PreparedServer.begin(file, directories) : undefined
  const { stateDir } = directories
  const { onWarning } = options

  options.onProgress?.({ phase: 'opening' })
  await using opened = new AsyncDisposableStack()
  const image = opened.use(await openImage(file, { direct, signal: options.signal }))
  for (const text of warningsAbout(image)) onWarning?.(text)
  const plan = await planRestore(image, options.xml, directories, options)
  const { domain, uuid } = plan
  act.on(domain.name, uuid)
  output?.begin(domain)

  await using stack = new AsyncDisposableStack()
  const held =
    managedSave ?? given ?? stack.use(await HeldDomain.named(domain.name, 'restore', options))
  const operation = managedSave === undefined ? 'restore' : 'start'
  await using job = await Job.begin(held.paths, operation, options)
  const { signal, report } = job
  held.requireOff()
  const [restoredFrom] = await Promise.all([
    checkStale(held, image, domain, { ...options, managedSave }),
    // The managed save of a domain has passed with its definition.
    (managedSave === undefined ? checkIdentity : checkRunningIdentity)(directories, {
      name: domain.name,
      uuid,
    }),
  ])

  const user = await restoreUser(image, plan, directories, options)
  const chosen = await chooseSource(image, plan, {
    mode,
    cached: () => findCached(directories, image),
    postcopyObstacle: () => postcopyObstacle(user, plan.emulator.version),
  })
  await act.before({ image: image.path }, signal)
  const { paths } = held
  await using files = await CloneFiles.make(plan.clone, plan.emulator.probed.emulator)
  await using kept =
    chosen.mode === 'lazy' ? await keepImage(image.path, paths, options) : undefined
  await using source = chosen.open({
    paths,
    stateDir,
    readers,
    threads,
    server,
    direct,
    signal,
    kept: kept?.path,
  })
  report({ phase: 'starting' })
  const incoming = source.launchNeeds
  await using machine = await LaunchedMachine.launch(held, {
    ...plan,
    resetNvram: options.resetNvram,
    user,
    incoming,
    signal,
    onWarning,
  })
  if (options.force !== true) await requireFeatures(image, machine.control, signal)
  clock.launched()
  const waiting = waitingQemu(machine, plan, held, signal)
  const brought = await source.bring(waiting, { signal, report }).catch((error: unknown) => {
    throw withLoadHint(error, plan)
  })
  const needs = lastingNeed(brought.needs, image.path, managedSave !== undefined)
  clock.loaded()
  await takeLinksDown(machine.control, unconnected(domain))
  await removeSpareNetworks(machine.control, plan.spareUserNetworks)
  await rememberNetworks(directories, options.networks ?? {})

  report({ phase: 'resuming' })
  const state = options.resumeAs ?? (image.description.wasRunning ? 'running' : 'paused')
  const runs = state === 'running'
  const frozen = isFrozenInCookie(image.description.cookie) || undefined
  const record = await beginRestored(held, domain, machine, {
    runs,
    facts: { restoredFrom, frozen },
    resume: (onRunning) => source.resume(machine.control, { signal, onRunning }),
    keep: () => {
      machine.detach()
      files.detach()
      if (brought.mode === 'lazy') kept?.detach()
      last.push(source.detach(opened))
    },
  })
  clock.ran()

  await removeLastEnd(held.paths)
  // The guest runs. If this fails, the next command finds that out, and removes the managed save.
  if (runs) await consumeManagedSave(held.paths, record).catch(() => undefined)
  if (runs) await afterResume(held, machine.control, { ...options, frozen, act })
  return job.complete(
    restoreResult(image, plan, {
      id: record.pid,
      state,
      mode: brought.mode,
      modeReason: brought.otherwise ?? chosen.why,
      imageNeeded: needs && { ...needs, kept: kept?.path },
      timing: clock.timing(brought),
    }),
  )
}

/** Checks that the guest finds the processor that it had: QEMU loads its state in any case. @throws ImageError IMAGE_INCOMPATIBLE; QemuError */
async function requireFeatures(
  { path, description }: SavedMachine,
  control: QmpConnection,
  signal: AbortSignal,
): Promise<void> {
  const had = processorInCookie(description.cookie)
  if (had === undefined) return
  const missing = missingFeatures(had, (await processorWords(control, signal)) ?? new Map())
  if (missing.length > 0) throw lacksFeatures(path, missing)
}

/** Gives the image a second name, if that was asked for. */
async function keepImage(
  path: string,
  paths: RuntimePaths,
  { keepImage: wanted, onWarning }: RestoreOptions,
): Promise<SecondName | undefined> {
  if (wanted !== true) return undefined
  try {
    return await SecondName.of(resolve(path), paths)
  } catch (error) {
    if (!(error instanceof StasisError)) throw error
    onWarning?.(`${path} has no second name: ${error.message}. Keep it until all memory is loaded`)
    return undefined
  }
}

/** The need for the image itself: the cache is ours, and a managed save that was mapped is removed though QEMU still reads it. */
function lastingNeed(
  needs: NeededFile | undefined,
  image: string,
  managed: boolean,
): NeededFile | undefined {
  if (needs?.path !== image || (managed && needs.until === 'guest-ends')) return undefined
  return { ...needs, path: resolve(needs.path) }
}

/** An image is restored although it was salvaged, or its digest cannot be used. */
function warningsAbout({ path, digest, description }: SavedMachine): readonly string[] {
  const salvage = salvageInCookie(description.cookie)
  return [
    ...(salvage === undefined ? [] : [describeSalvage(salvage)]),
    ...aboutDigest(path, digest),
  ]
}

function aboutDigest(path: string, digest: SavedMachine['digest']): readonly string[] {
  if (digest?.state === 'foreign')
    return [`${digest.path} is not compared: it does not belong to ${path}`]
  if (digest?.state === 'damaged') return [`${digest.path} is not compared: it is damaged`]
  return []
}

/** A machine that does not fit is often one whose networks have changed. */
function withLoadHint(error: unknown, { loadHint }: RestorePlan): unknown {
  const apt = StasisError.is(error, 'MIGRATION_FAILED') && error.hint === undefined
  return apt && loadHint !== undefined ? error.with({ hint: loadHint }) : error
}

function waitingQemu(
  { control, record }: LaunchedMachine,
  { emulator, recorded }: RestorePlan,
  { directories, paths }: HeldDomain,
  signal: AbortSignal,
): WaitingQemu {
  const path = emulator.probed.emulator
  return {
    control,
    pid: record.pid,
    view: viewOf(control, paths, record.confinement),
    fresh: recorded === undefined,
    features: () => migrationFeatures(control, path, directories, signal),
  }
}
