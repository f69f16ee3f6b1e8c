import { CancelledError, ImageError, StasisError, StorageError } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import type { MigrationFeatures } from '../../migration/features.ts'
import { startIncoming } from '../../migration/incoming.ts'
import { bytesReadBy } from '../../qemu/host-facts.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { ImageSender } from '../../transfer/image-senders/image-sender.ts'
import type { TransferProgress } from '../../transfer/image-receiver.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'
import { watchTransfer } from '../progress/transfer-meter.ts'

/** How long QEMU gets to say why it hung up. */
const GRACE_MS = 1000

/**
 * Lets QEMU load a machine from a sender until both say that all is through and right.
 * @throws ImageError, StorageError, QemuError, CancelledError
 */
export async function transferIn(
  control: QmpConnection,
  sender: ImageSender,
  options: {
    readonly socketPath: string
    /** QEMU's pid, where it is known. */
    readonly pid?: number | undefined
    readonly features: MigrationFeatures
    /** See `IncomingOptions`. */
    readonly fresh?: boolean | undefined
    readonly signal: AbortSignal | undefined
    readonly report: OnProgress<RestoreProgress>
  },
): Promise<void> {
  const { socketPath, features, fresh, pid, signal, report } = options
  const { mappedRam } = sender
  const before = bytesReadBy(pid)
  using _meter = watchTransfer(
    () =>
      mappedRam === undefined
        ? sender.progress()
        : withRead(sender.progress(), bytesReadBy(pid) - before),
    (measure) => report({ phase: 'loading', ...measure }),
  )
  const abandon = new AbortController()
  const incoming = await startIncoming(control, {
    uri: mappedRam?.uri ?? `unix:${socketPath}`,
    features,
    fresh,
    mappedRam: mappedRam !== undefined,
    directIo: mappedRam?.directIo === true && features.directIo,
    channels: sender.multifd.channels,
    multifdCompression: sender.multifd.compression,
    signal: anySignal(abandon.signal, signal),
  })
  let timer: NodeJS.Timeout | undefined
  const ends = await Promise.allSettled([
    // The sender sees to its own end when QEMU goes: it may still find out that the image was to blame.
    sender.send(socketPath).catch((error: unknown) => {
      timer = setTimeout(() => abandon.abort(error), error instanceof ImageError ? 0 : GRACE_MS)
      throw error
    }),
    incoming.completed(),
  ])
  clearTimeout(timer)
  const faults = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []))
  if (faults.length > 0) throw mostSpecificFault(faults, signal)
}

/** QEMU does not say how far it is with an incoming file: what it has read stands for it. */
function withRead(progress: TransferProgress, readBytes: number): TransferProgress {
  const done = Math.min(readBytes, progress.ramTotalBytes)
  return { ...progress, ramBytes: done, transferredBytes: done, fileBytes: done }
}

/** Of the faults of both ends the one that says why: a damaged image before what QEMU made of it. */
function mostSpecificFault(faults: readonly unknown[], signal: AbortSignal | undefined): unknown {
  const cancelled = faults.find((fault) => fault instanceof CancelledError)
  if (signal?.aborted === true && cancelled !== undefined) return cancelled
  const reasons = faults.filter((fault) => !(fault instanceof CancelledError))
  return (
    reasons.find((fault) => fault instanceof ImageError) ??
    reasons.find((fault) => fault instanceof StorageError) ??
    reasons.find((fault) => fault instanceof StasisError && fault.code === 'MIGRATION_FAILED') ??
    reasons[0] ??
    faults[0]
  )
}
