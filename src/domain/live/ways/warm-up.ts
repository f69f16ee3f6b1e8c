import { setImmediate as turn } from 'node:timers/promises'
import { throwIfCancelled } from '../../../errors.ts'
import { readForeignMemory } from '../../../io/memory/foreign-memory.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import { memoryMappings } from './guest-memory.ts'

const PAGE_SIZE = 4096

/** Pages of one call. */
const AT_ONCE = 1024

/**
 * Reads one byte of each page of a guest in QEMU, while the guest runs: QEMU reads all memory before a background snapshot, and if its guest is already
 * stopped, the guest waits for that. What was read before takes a tenth of the time. Returns whether that
 * was possible: where we may not read, the guest waits longer.
 * @throws CancelledError
 */
export async function warmUp(
  control: QmpConnection,
  { pid, memoryBytes }: { readonly pid: number; readonly memoryBytes: number },
  signal: AbortSignal,
): Promise<boolean> {
  let isWarm = false
  const target = Buffer.allocUnsafeSlow(AT_ONCE)
  for (const { address, length } of await memoryMappings(control, pid, memoryBytes)) {
    for (let at = 0; at < length; at += AT_ONCE * PAGE_SIZE) {
      const pages = Math.min(AT_ONCE, Math.ceil((length - at) / PAGE_SIZE))
      const bytes = Array.from({ length: pages }, (_, page) => ({
        address: address + at + page * PAGE_SIZE,
        length: 1,
      }))
      try {
        readForeignMemory(pid, bytes, target)
      } catch {
        return false
      }
      await turn()
      throwIfCancelled('prepare the memory of the guest', signal)
      isWarm = true
    }
  }
  return isWarm
}
