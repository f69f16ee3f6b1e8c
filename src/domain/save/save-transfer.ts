import { CancelledError, StasisError, StorageError } from '../../errors.ts'
import type { MigrationFeatures } from '../../migration/features.ts'
import { type OutgoingMigration, startOutgoing } from '../../migration/outgoing.ts'
import type { RamProgress } from '../../migration/progress.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { ImageReceiver, TransferProgress } from '../../transfer/image-receiver.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import type { SaveSettings } from './save-options.ts'
import type { SharedBandwidth } from './shared-bandwidth.ts'
import { cancelOnAbort } from './cancel-on-abort.ts'
import { watchTransfer } from '../progress/transfer-meter.ts'

/** How long the second of two ends that broke gets to say its own reason, which may be the better one. */
const GRACE_MS = 1000

/** What a transfer needs beside its two ends. */
export interface TransferOutOptions {
  readonly settings: SaveSettings
  readonly features: MigrationFeatures
  /** What QEMU may send at most, with others. */
  readonly bandwidth?: SharedBandwidth | undefined
  /** Aborts the target; `signal` must not, for QEMU has to be the first to let go. */
  readonly broken: AbortController
  readonly signal: AbortSignal | undefined
  readonly report: OnProgress<SaveProgress>
}

/**
 * Lets QEMU migrate into a target until both say that all is through. On the first fault, and on abort, the migration is
 * cancelled. Gives what QEMU counted of guest memory.
 * @throws StorageError, QemuError, CancelledError
 */
export async function transferOut(
  control: QmpConnection,
  target: ImageReceiver,
  options: TransferOutOptions,
): Promise<RamProgress | undefined> {
  const { settings, features, bandwidth, broken, signal, report } = options
  const { compressionLevel: level } = settings
  const cancel = new AbortController()
  using part = bandwidth?.join((bytesPerSecond) => {
    // A save that goes on at its old rate is no failure of it.
    control
      .execute('migrate-set-parameters', { 'max-bandwidth': bytesPerSecond })
      .catch(() => undefined)
  })
  await using migration = await startOutgoing(control, {
    uri: target.uri,
    features,
    channels: target.multifd.channels,
    mappedRam: target.mappedRam !== undefined,
    directIo: target.mappedRam?.directIo === true && features.directIo,
    multifdCompression: target.multifd.compression,
    compressionLevel: level === 'adaptive' ? undefined : level,
    maxBandwidth: part?.bytesPerSecond,
    signal: cancel.signal,
  })
  using counter = countRam(migration)
  using _meter = watchTransfer(
    () => withRam(target.progress(), counter.latest()),
    (measure) => report({ phase: 'transferring', ...measure }),
  )
  using _abort = cancelOnAbort(signal, cancel, target)
  let timer: NodeJS.Timeout | undefined
  const breakOff = (error: unknown): never => {
    const atOnce = error instanceof StorageError || error instanceof CancelledError
    timer ??= setTimeout(
      () => {
        cancel.abort(error)
        broken.abort(error)
      },
      atOnce ? 0 : GRACE_MS,
    )
    throw error
  }
  const ends = await Promise.allSettled([
    target.received.catch(breakOff),
    migration.completed().catch(breakOff),
  ])
  clearTimeout(timer)
  const faults = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []))
  if (faults.length > 0) throw mostSpecificFault(faults, signal)
  return (await migration.completed()).ram
}

interface RamCounter extends Disposable {
  readonly latest: () => RamProgress | undefined
}

const ASK_MS = 250

/** Asks QEMU now and then how far guest memory is. */
function countRam(migration: OutgoingMigration): RamCounter {
  let latest: RamProgress | undefined
  const ask = async (): Promise<void> => {
    const progress = await migration.progress().catch(() => undefined)
    if (progress?.phase === 'active' || progress?.phase === 'device') latest = progress.ram
    else if (progress?.phase === 'completed') latest = progress.stats.ram
  }
  const timer = setInterval(() => void ask(), ASK_MS)
  return { latest: () => latest, [Symbol.dispose]: () => clearInterval(timer) }
}

/** Formats that do not look into the stream do not know how much memory it stands for: QEMU does. */
function withRam(progress: TransferProgress, ram: RamProgress | undefined): TransferProgress {
  if (progress.ramTotalBytes > 0 || ram === undefined) return progress
  return {
    ...progress,
    ramBytes: ram.totalBytes - ram.remainingBytes,
    ramTotalBytes: ram.totalBytes,
  }
}

/** Of the faults of both ends the one that says why. */
function mostSpecificFault(faults: readonly unknown[], signal: AbortSignal | undefined): unknown {
  const cancelled = faults.find((fault) => fault instanceof CancelledError)
  if (signal?.aborted === true && cancelled !== undefined) return cancelled
  const reasons = faults.filter((fault) => !(fault instanceof CancelledError))
  const ranked = [
    reasons.find((fault) => fault instanceof StorageError),
    reasons.find((fault) => codeOf(fault) === 'QEMU_DIED'),
    reasons.find((fault) => codeOf(fault) === 'QEMU_STREAM'),
    reasons.find((fault) => codeOf(fault) === 'MIGRATION_FAILED'),
    reasons[0],
    faults[0],
  ]
  return ranked.find((fault) => fault !== undefined)
}

function codeOf(fault: unknown): string | undefined {
  return fault instanceof StasisError ? fault.code : undefined
}
