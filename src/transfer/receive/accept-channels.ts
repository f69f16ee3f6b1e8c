import { setTimeout as sleep } from 'node:timers/promises'
import { QemuError, throwIfCancelled } from '../../errors.ts'
import { acceptUnix, closeDescriptor } from '../../io/system-calls.ts'

const POLL_MS = 2

/**
 * Accepts `count` connections from a non-blocking listener and returns their descriptors in the order of arrival, which is not the order of channels.
 * After a fault none stays open; the caller owns the listener.
 * @throws QemuError QEMU_TIMEOUT, CancelledError
 */
export async function acceptConnections(
  listener: number,
  count: number,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<readonly number[]> {
  const accepted: number[] = []
  const deadline = performance.now() + options.timeoutMs
  try {
    while (accepted.length < count) {
      throwIfCancelled("wait for QEMU's connections", options.signal)
      const descriptor = acceptUnix(listener)
      if (descriptor !== undefined) {
        accepted.push(descriptor)
        continue
      }
      if (performance.now() > deadline) {
        throw new QemuError(
          'QEMU_TIMEOUT',
          `QEMU opened ${accepted.length} of ${count} connections within ${options.timeoutMs} ms`,
          { operation: "wait for QEMU's connections" },
        )
      }
      await sleep(POLL_MS)
    }
    return accepted
  } catch (error) {
    for (const descriptor of accepted) closeDescriptor(descriptor)
    throw error
  }
}
