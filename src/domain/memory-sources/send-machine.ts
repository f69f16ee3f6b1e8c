import { ImageError, StasisError, StorageError } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import { startIncoming } from '../../migration/incoming.ts'
import type { ImageSender } from '../../transfer/image-senders/image-sender.ts'
import { mostSpecificFault } from '../progress/most-specific-fault.ts'
import { watchTransfer } from '../progress/transfer-meter.ts'
import type { BringOptions, WaitingQemu } from './memory-source.ts'

/** How long QEMU may take to report why it closed a connection. */
const GRACE_MS = 1000

/**
 * Makes QEMU load a machine from a sender until both report success.
 * @throws ImageError, StorageError, QemuError, CancelledError
 */
export async function sendMachine(
  { control, view, fresh, features }: WaitingQemu,
  sender: ImageSender,
  socketPath: string,
  { signal, report }: BringOptions,
): Promise<void> {
  const known = await features()
  using _meter = watchTransfer(
    () => sender.progress(),
    (measure) => report({ phase: 'loading', ...measure }),
  )
  const abandon = new AbortController()
  const incoming = await startIncoming(control, {
    uri: `unix:${view.socketPath(socketPath)}`,
    features: known,
    fresh,
    channels: sender.multifd.channels,
    multifdCompression: sender.multifd.compression,
    signal: anySignal(abandon.signal, signal),
  })
  let timer: NodeJS.Timeout | undefined
  const ends = await Promise.allSettled([
    // The sender ends by itself when QEMU goes: it may still find out that the image was the cause.
    sender.send(socketPath).catch((error: unknown) => {
      timer = setTimeout(() => abandon.abort(error), error instanceof ImageError ? 0 : GRACE_MS)
      throw error
    }),
    incoming.completed(),
  ])
  clearTimeout(timer)
  const faults = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []))
  if (faults.length > 0) throw mostSpecificFault(faults, signal, RANKING)
}

/** The actual reason first: a damaged image before QEMU's error about it. */
const RANKING = [
  (fault: unknown): boolean => fault instanceof ImageError,
  (fault: unknown): boolean => fault instanceof StorageError,
  (fault: unknown): boolean => StasisError.is(fault, 'MIGRATION_FAILED'),
]
