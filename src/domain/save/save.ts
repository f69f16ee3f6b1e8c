import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { messageOf, throwIfCancelled } from '../../errors.ts'
import type { Compression } from '../../image/compression.ts'
import type { RamProgress } from '../../migration/progress.ts'
import type { SavedImage } from '../../transfer/image-receiver.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { type Act, type ActFacts, type ActPlan, keepAct } from '../acts/keep-act.ts'
import { endSaved } from './end-saved.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { Job } from '../progress/job.ts'
import type { JobOperation } from '../store/job-record.ts'
import { openControl } from '../machine/monitor.ts'
import { viewOf } from '../machine/qemu-view.ts'
import { freezeGuest } from '../machine/freeze.ts'
import { thawed } from './quiesce.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import { commandAfterFailure, commandBeforeSave } from './guest-command.ts'
import { noDigest } from './no-digest.ts'
import { openSave } from './open-save.ts'
import type { SavePlan } from './plan-save.ts'
import { saveFailure } from './save-failure.ts'
import { type SaveRequest, type SaveSettings, resolveSaveOptions } from './save-options.ts'
import { withSpace } from './save-space.ts'
import { transferOut } from './save-transfer.ts'
import { recordTaken, withdrawSaveIntent } from '../catalogue/save-intent.ts'
import { type HaltedGuest, haltGuest } from './halted-guest.ts'
import { SharedBandwidth } from './shared-bandwidth.ts'
import type { DomainXml } from '../store/xml-text.ts'

/** Options of a save. */
export interface SaveOptions extends DomainOptions, SaveRequest {
  /** Domain XML for the image that replaces the running one; the guest must not see a difference. */
  readonly xml?: DomainXml | undefined
  /** Whether the guest runs after the restore. Default: as now. */
  readonly resumeAs?: ResumedState | undefined
  /** Bytes of guest memory per second that QEMU sends at most, alone or shared with other saves. Default: unlimited. */
  readonly maxBandwidth?: number | SharedBandwidth | undefined
  /**
   * Freeze the file systems of the guest through the agent inside it before it is stopped, so that its disks are also consistent without the image. They are thawed when it runs again. `if-possible`: without an agent,
   * warn and continue. Default: no.
   */
  readonly quiesce?: boolean | 'if-possible' | undefined
  readonly onProgress?: OnProgress<SaveProgress> | undefined
}

/** How long the parts of a save took, in milliseconds. */
export interface SaveTiming {
  readonly totalMs: number
  /** From the guest's stop until the image was durable. */
  readonly downtimeMs: number
  readonly transferMs: number
  /** Making the image durable, after the last byte was received. */
  readonly flushMs: number
}

/** A domain that now exists only in a file. */
export interface SaveResult {
  readonly name: string
  readonly uuid: string
  readonly image: SavedImage
  /** 0: a single stream. */
  readonly channels: number
  readonly compression: Compression
  /** Whether the guest will run when it is restored. */
  readonly wasRunning: boolean
  /** Failures that do not harm the image, one sentence each. */
  readonly warnings: readonly string[]
  readonly timing: SaveTiming
  /** Guest memory divided by downtime. */
  readonly throughputBytesPerSecond: number
}

/**
 * Saves a running domain, given by name, UUID or id, to a file and ends it. The guest is stopped meanwhile; it is ended only once the image is
 * durable. After a failure, and on abort, it continues as before, no new file is left, and an existing image at `path` stays. In single-stream formats
 * `path` may also be a pipe, which must have taken everything before the guest is ended, or a block device, whose content is overwritten from the start.
 * @throws DomainError, UsageError, QemuError, StorageError; CancelledError
 * @example
 * const { image, timing } = await saveDomain('web', '/backup/web.save', {
 *   channels: 4,
 *   onProgress: (progress) => console.log(progress.phase),
 * })
 * console.log(`${image.allocatedBytes} bytes, stopped for ${timing.downtimeMs} ms`)
 */
export async function saveDomain(
  reference: string,
  path: FilePath,
  options: SaveOptions = {},
): Promise<SaveResult> {
  const save = async (): Promise<SaveResult> => {
    const file = givenPath(path, 'the image')
    resolveSaveOptions(options)
    return keepSave({ act: 'save', reference, image: file }, options, async (act) => {
      await using held = await HeldDomain.find(reference, 'save', options)
      return await saveHeld(held, file, { ...options, operation: 'save', act })
    })
  }
  return nameCancel(`save domain '${reference}'`, save())
}

/** Does a save, and keeps how it ended. @throws as `keepAct` */
export async function keepSave<Result extends SaveResult>(
  plan: ActPlan,
  directories: DomainOptions,
  work: (act: Act) => Promise<Result>,
): Promise<Result> {
  const warnings: string[] = []
  const facts = ({ image, timing, ...more }: Result): ActFacts => ({
    image: image.path,
    format: image.format,
    fileBytes: image.fileBytes,
    memoryBytes: image.ramBytes,
    downtimeMs: Math.round(timing.downtimeMs),
    ...('live' in more && { mode: 'live' }),
  })
  const onWarning = (text: string): void => void warnings.push(text)
  const result = await keepAct({ plan, directories, facts, onWarning }, work)
  return { ...result, warnings: [...result.warnings, ...warnings] }
}

/** `saveDomain` for callers that hold the domain. */
export async function saveHeld(
  held: HeldDomain,
  asked: string,
  options: SaveOptions & { readonly operation: JobOperation; readonly act: Act },
): Promise<SaveResult> {
  const startMs = performance.now()
  const settings = resolveSaveOptions(options)
  const bandwidth = resolveBandwidth(options.maxBandwidth)
  options.act.on(held.name, held.record?.uuid)
  held.requireRunning()
  await using job = await Job.begin(held.paths, options.operation, options)
  const { signal, report } = job
  await using opened = await openSave(held, asked, { ...options, settings, signal, report })
  const { path, isPiped, freeBytes, control, plan, saving, receiver, digestFaults } = opened
  const { record, savable, disks } = plan

  job.writes(path)
  const guest = haltGuest(held.name, control, savable.running, () => openControl(held.paths))
  let durable = false
  let recorded = Promise.resolve()
  let hasRunCommand = false
  try {
    const { running } = savable
    const before = await commandBeforeSave(held, options.act, { running, signal })
    hasRunCommand = before.ran
    report({ phase: 'stopping' })
    const stopMs = performance.now()
    if (plan.freezes) await freezeGuest(held.name, held.paths)
    await guest.halt(signal)
    const haltedMs = performance.now()
    const view = viewOf(control, held.paths, record.confinement)
    const limits = { settings, features: savable.features, view, bandwidth }
    const ram = await transferOut(control, receiver, { ...limits, signal, report })
    throwIfCancelled(`save domain '${held.name}'`, signal)
    const receivedMs = performance.now()
    // At the same time as the flush, which takes longer. Bytes in a pipe go elsewhere, perhaps to another host.
    if (!isPiped) recorded = disks.record(held, path)
    recorded.catch(() => undefined)
    report({ phase: 'flushing', fileBytes: receiver.progress().fileBytes })
    const image = withRam(await receiver.publish(), ram)
    // The commit point. Later failures are reported, and nothing is undone.
    durable = true
    // If this fails, the guest continues when this process is killed before it has ended QEMU.
    if (isPiped) await recordTaken(held.paths, record, saving).catch(() => undefined)
    const warnings = [
      ...before.warnings,
      ...plan.warnings,
      ...digestFaults.map((error) => noDigest(path, error)),
      ...(await recorded.then(
        () => [],
        (error: unknown) => [notRecorded(path, error)],
      )),
    ]
    const durableMs = performance.now()
    report({ phase: 'ending' })
    warnings.push(...(await endSaved(held, record, { control, path: isPiped ? undefined : path })))
    const timing: SaveTiming = {
      totalMs: performance.now() - startMs,
      downtimeMs: durableMs - stopMs,
      transferMs: receivedMs - haltedMs,
      flushMs: durableMs - receivedMs,
    }
    return job.complete(resultOf(held, plan, { image, settings, warnings, timing }))
  } catch (error) {
    const fault = job.failed(error)
    // Otherwise a file of the history that is not complete could outlive this process.
    await recorded.catch(() => undefined)
    // From here on the image is the guest: resuming the other one would create two.
    if (durable) {
      const where = isPiped ? `the reader of ${path} has its state` : `its state is safe in ${path}`
      throw saveFailure(held.name, fault, where)
    }
    await withdrawSaveIntent(held.paths, record, saving).catch(() => undefined)
    const thaw = plan.freezes ? () => thawed(held) : undefined
    const command = hasRunCommand ? () => commandAfterFailure(held, options.act) : undefined
    const failure = saveFailure(held.name, fault, await stateAfter(guest, thaw, command))
    throw await withSpace(failure, { freeBytes, pid: record.pid, paths: held.paths })
  }
}

/** Lets the guest of a failed save continue, whatever else fails. Returns its state in words. */
async function stateAfter(
  guest: HaltedGuest,
  ...steps: readonly ((() => Promise<string>) | undefined)[]
): Promise<string> {
  let state = await guest.resume()
  for (const step of steps) state += (await step?.()) ?? ''
  return state
}

function resultOf(
  { name }: HeldDomain,
  { record, description }: SavePlan,
  {
    settings,
    ...made
  }: Pick<SaveResult, 'image' | 'warnings' | 'timing'> & { readonly settings: SaveSettings },
): SaveResult {
  return {
    ...{ name, uuid: record.uuid, ...made },
    channels: settings.channels,
    compression: settings.codec === 'none' ? settings.multifdCompression : settings.codec,
    wasRunning: description.wasRunning,
    throughputBytesPerSecond: (made.image.ramBytes / made.timing.downtimeMs) * 1000,
  }
}

function resolveBandwidth(requested: SaveOptions['maxBandwidth']): SharedBandwidth | undefined {
  return typeof requested === 'number' ? new SharedBandwidth(requested) : requested
}

function notRecorded(path: string, error: unknown): string {
  return `Stasis will not detect changes of the disks before ${path} is restored, and may ask for --trust then: ${messageOf(error)}`
}

/** A format that does not parse the stream has not counted guest memory; QEMU has. */
function withRam(image: SavedImage, ram: RamProgress | undefined): SavedImage {
  if (image.ramBytes > 0 || ram === undefined) return image
  return { ...image, ramBytes: ram.totalBytes, zeroBytes: ram.zeroPages * ram.pageSize }
}
