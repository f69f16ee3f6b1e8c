import { dirname } from 'node:path'
import { messageOf, throwIfCancelled } from '../../errors.ts'
import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { openSpecialTarget } from '../../io/files/special/special-target.ts'
import type { Act } from '../acts/keep-act.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'
import { Job } from '../progress/job.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import { commandAfterFailure, commandBeforeSave } from '../save/guest-command.ts'
import { saveFailure } from '../save/save-failure.ts'
import type { SaveSettings } from '../save/save-options.ts'
import { freeSpace, withSpace } from '../save/save-space.ts'
import { keepSave } from '../save/save.ts'
import type { JobOperation } from '../store/job-record.ts'
import { waitForAllMemory } from '../store/postcopy-state.ts'
import { type LiveSaveOptions, refuseQuiesce, resolveLiveOptions } from './live-options.ts'
import type { LiveSaveResult } from './live-result.ts'
import type { AtStop } from './ways/live-way.ts'
import { type LivePlan, planLive } from './plan-live.ts'
import { whenResumed } from './when-resumed.ts'
import { type WrittenLive, writeLiveImage } from './write-live-image.ts'

/**
 * Saves a running domain, given by name, UUID or id, to a file, and lets it continue: the image is the moment of a short stop. After a failure, and on
 * abort, the guest continues as well, no new file is left, and an existing image at `path` stays.
 * @throws DomainError DOMAIN_WRONG_STATE with the reasons if it cannot be saved while it runs; UsageError, QemuError, StorageError; CancelledError
 * @example
 * const { live } = await saveLive('web', '/backup/web.save')
 * console.log(`stopped for ${live.pauseMs} ms (${live.way}: ${live.reason})`)
 */
export async function saveLive(
  reference: string,
  path: FilePath,
  options: LiveSaveOptions = {},
): Promise<LiveSaveResult> {
  const save = async (): Promise<LiveSaveResult> => {
    const file = givenPath(path, 'the image')
    resolveLiveOptions(options)
    refuseQuiesce(options)
    return keepSave({ act: 'save', reference, image: file }, options, async (act) => {
      await using held = await HeldDomain.find(reference, 'save --live', options)
      return await saveLiveHeld(held, file, { ...options, operation: 'save', act })
    })
  }
  return nameCancel(`save domain '${reference}'`, save())
}

/** `saveLive` for callers that hold the domain. `atStop`: see `AtStop`. */
export async function saveLiveHeld(
  held: HeldDomain,
  asked: string,
  options: LiveSaveOptions & {
    readonly operation: JobOperation
    readonly act: Act
    readonly atStop?: AtStop | undefined
  },
): Promise<LiveSaveResult> {
  const startMs = performance.now()
  const settings = resolveLiveOptions(options)
  options.act.on(held.name, held.record?.uuid)
  held.requireRunning()
  await using job = await Job.begin(held.paths, options.operation, options)
  const { signal } = job
  const report: typeof job.report = (progress) =>
    job.report(progress.phase === 'transferring' ? { ...progress, guestRuns: true } : progress)
  report({ phase: 'checking' })
  await waitForAllMemory(held.name, held.paths, signal, ({ image, remainingBytes }) =>
    report({ phase: 'waiting-for-memory', image, remainingBytes }),
  )
  await using control = await openControl(held.paths, signal)
  // The memory is in the image, so a restore needs no frozen file systems.
  const plan = await planLive(held, control, asked, {
    ...options,
    quiesce: false,
    settings,
    signal,
  })
  const { path, record } = plan
  await options.act.before({ image: path }, signal)
  await using target = await openSpecialTarget(path, {
    direct: settings.direct,
    signal,
    onWait: () => report({ phase: 'waiting-for-reader', path }),
  })
  const freeBytes = target === undefined ? await freeSpace(dirname(path)) : undefined
  throwIfCancelled(`save domain '${held.name}'`, signal)
  job.writes(path)
  const { digest = false, timeoutMs, atStop } = options
  const writing = { held, control, settings, timeoutMs, digest, target, signal, report, atStop }
  const { running } = plan.savable
  const before = await commandBeforeSave(held, options.act, { running, signal })
  using resumed = whenResumed(control, () =>
    before.ran ? commandAfterFailure(held, options.act) : Promise.resolve(''),
  )
  const written = await writeLiveImage(plan, writing).catch(async (error: unknown) => {
    const after = await resumed.finish()
    const state = `${running ? 'it is still running' : 'it is still paused'}${after}`
    const failure = saveFailure(held.name, job.failed(error), state)
    throw await withSpace(failure, { freeBytes, pid: record.pid, paths: held.paths })
  })
  const after = (await resumed.finish()).replace(/^\. /, '')
  const warnings = [
    ...before.warnings,
    ...plan.warnings,
    ...written.warnings,
    ...(after === '' ? [] : [after]),
  ]
  if (target?.kind !== 'pipe')
    await plan.disks
      .record(held, path)
      .catch((error: unknown) => void warnings.push(notRecorded(path, error)))
  const totalMs = performance.now() - startMs
  return job.complete(resultOf(held, plan, written, { settings, totalMs, warnings }))
}

function resultOf(
  held: HeldDomain,
  { record, description, choice }: LivePlan,
  { image, captured, grownBytes, flushMs, speed }: WrittenLive,
  facts: {
    readonly settings: SaveSettings
    readonly totalMs: number
    readonly warnings: readonly string[]
  },
): LiveSaveResult {
  const { settings, totalMs, warnings } = facts
  const { pauseMs, stopAtMs, transferMs, intake, precopy } = captured
  return {
    name: held.name,
    uuid: record.uuid,
    image,
    channels: 0,
    compression: settings.codec,
    wasRunning: description.wasRunning,
    warnings,
    timing: { totalMs, downtimeMs: pauseMs, transferMs, flushMs },
    throughputBytesPerSecond: (image.ramBytes / totalMs) * 1000,
    live: {
      ...choice,
      pauseMs,
      stoppedAt: stopAtMs === undefined ? undefined : new Date(stopAtMs).toISOString(),
      mostInMemoryBytes: intake?.mostInMemoryBytes ?? 0,
      mostInSpoolBytes: intake?.mostInSpoolBytes ?? 0,
      grownBytes,
      guest: speed,
      precopy,
    },
  }
}

function notRecorded(path: string, error: unknown): string {
  return `\`stasis images\` will not list ${path}: ${messageOf(error)}`
}
