import { dirname } from 'node:path'
import { throwIfCancelled } from '../../errors.ts'
import { imageSize } from '../../image/image-size.ts'
import type { SpecialTarget } from '../../io/files/special/special-target.ts'
import { residentBytes } from '../../qemu/host-facts.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { MachineWriter } from '../../transfer/convert/machine-writer.ts'
import type { WriterOptions } from '../../transfer/convert/writer-options.ts'
import { openWriter } from '../../transfer/convert/writer-table.ts'
import type { SavedImage } from '../../transfer/image-receiver.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { cookieWithLive } from '../cookie/live-cookie.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import { noDigest } from '../save/no-digest.ts'
import type { SaveSettings } from '../save/save-options.ts'
import { LIVE_WAYS } from './ways/choose-way.ts'
import { type GuestSpeed, SpeedMeter } from './guest-speed.ts'
import { flushDisks } from './flush-disks.ts'
import { resolveTimeout } from './live-options.ts'
import { type SnapshotGuard, guarded } from './snapshot/snapshot-guard.ts'
import { intakeSpace } from './intake-space.ts'
import type { AtStop, Captured } from './ways/live-way.ts'
import type { LivePlan } from './plan-live.ts'

/** How an image of a guest that continues is written. */
export interface LiveWriting {
  readonly held: HeldDomain
  readonly control: QmpConnection
  readonly settings: SaveSettings
  readonly digest: boolean
  /** After this time `precopy` stops the guest. Default: that of `saveLive`. */
  readonly timeoutMs?: number | undefined
  readonly target: SpecialTarget | undefined
  readonly signal: AbortSignal
  readonly report: OnProgress<SaveProgress>
  /** See `WriterOptions`. */
  readonly pageDigests?: WriterOptions['pageDigests']
  readonly atStop: AtStop | undefined
  readonly beforeStop?: (() => Promise<void>) | undefined
  readonly onContinue?: (() => Promise<void>) | undefined
}

/** An image that is durable. */
export interface WrittenLive {
  readonly image: SavedImage
  readonly captured: Captured
  /** By how much the memory of QEMU grew. */
  readonly grownBytes: number
  readonly flushMs: number
  /** `undefined` for a guest that did not run, and where it cannot be measured. */
  readonly speed: GuestSpeed | undefined
  readonly warnings: readonly string[]
}

/** Captures the machine and publishes its image. If this fails, no new image is left, and the guest continues. @throws StorageError, QemuError, CancelledError */
export function writeLiveImage(plan: LivePlan, writing: LiveWriting): Promise<WrittenLive> {
  const { held, control } = writing
  const { running } = plan.savable
  const { path: image, freezes } = plan
  return guarded(held, { control, running, image, freezes }, (guard) =>
    writeGuarded(plan, writing, guard),
  )
}

async function writeGuarded(
  plan: LivePlan,
  writing: LiveWriting,
  guard: SnapshotGuard,
): Promise<WrittenLive> {
  const { path, record, disks, domain, choice } = plan
  const { held, settings, target, signal, report } = writing
  const { memoryBytes } = domain
  const space = await intakeSpace(
    { pid: record.pid, memoryBytes },
    target === undefined ? dirname(path) : undefined,
  )
  await flushDisks(domain)
  // Before the stop: a write that comes later than this must show, whether it is before the stop or after it.
  await disks.look()
  const warnings: string[] = []
  await using writer = await openLiveWriter(plan, writing, (text) => void warnings.push(text))
  const before = await residentBytes(record.pid)
  const way = LIVE_WAYS[choice.way]
  using meter = await SpeedMeter.begin(record.pid, plan.earlier)
  const { features, running } = plan.savable
  const timeoutMs = resolveTimeout(writing)
  const captured = await way.capture({
    ...writing,
    ...{ record, memoryBytes, features, running, path, writer, space, guard, timeoutMs },
  })
  const speed = running ? await meter?.speed() : undefined
  const after = await residentBytes(record.pid)
  throwIfCancelled(`save domain '${held.name}'`, signal)
  warnings.push(...(captured.warnings ?? []))
  const receivedMs = performance.now()
  report({ phase: 'flushing', fileBytes: writer.fileBytes })
  const { state, ramBytes, zeroBytes } = captured.machine
  const length = await writer.publish(state)
  const { format, channels } = settings
  const size =
    target === undefined
      ? await imageSize(path, format, channels)
      : { fileBytes: length, allocatedBytes: length }
  return {
    image: { path, format, ...size, ramBytes, zeroBytes },
    captured,
    speed,
    grownBytes: Math.max(0, (after ?? 0) - (before ?? 0)),
    flushMs: performance.now() - receivedMs,
    warnings,
  }
}

function openLiveWriter(
  { path, description, record }: LivePlan,
  { settings, target, digest, pageDigests }: LiveWriting,
  warn: (text: string) => void,
): Promise<MachineWriter> {
  const time = new Date()
  const marked = (cookie: string): string => cookieWithLive(cookie, time)
  return openWriter(settings.format, path, {
    ...settings,
    // A format with files for channels has at least one.
    channels: Math.max(1, settings.channels),
    description: {
      ...description,
      cookie: marked(description.cookie ?? '<cookie>\n</cookie>\n'),
      finalCookie: async () => marked(await description.finalCookie()),
    },
    uuid: record.uuid,
    target,
    pageDigests,
    digest: digest ? { onFault: (error) => warn(noDigest(path, error)) } : undefined,
  })
}
