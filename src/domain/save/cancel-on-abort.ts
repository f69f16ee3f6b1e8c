import { setTimeout as delay } from 'node:timers/promises'
import type { MigrationReceiver } from '../../transfer/image-receiver.ts'

const POLL_MS = 5
const PATIENCE_MS = 3000

/**
 * Aborts `cancel` when `signal` is aborted, but not before every channel is connected. QEMU 7.2 crashes with its guest when its migration is
 * cancelled, or its peer closes a connection, while channels are still connecting (seen in about one of 30 cancels at that moment;
 * migration/multifd.c, `multifd_new_send_channel_async` runs after `multifd_save_cleanup`).
 */
export function cancelOnAbort(
  signal: AbortSignal | undefined,
  cancel: AbortController,
  receiver: Pick<MigrationReceiver, 'multifd' | 'progress'>,
): Disposable {
  const act = async (): Promise<void> => {
    const deadline = performance.now() + PATIENCE_MS
    while (!isConnected(receiver) && performance.now() < deadline) await delay(POLL_MS)
    cancel.abort(signal?.reason)
  }
  const listen = (): void => void act()
  if (signal?.aborted === true) listen()
  else signal?.addEventListener('abort', listen, { once: true })
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', listen) }
}

function isConnected(receiver: Pick<MigrationReceiver, 'multifd' | 'progress'>): boolean {
  return receiver.progress().channelBytes.length >= receiver.multifd.channels
}
