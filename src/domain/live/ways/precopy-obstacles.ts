import type { LiveGuest } from './live-guest.ts'
import type { LiveObstacle } from './live-way.ts'
import { losesWrites } from './loses-writes.ts'

/**
 * Why `precopy` cannot be used for this guest; empty if it can. What prevents every migration prevents every save, and is checked before. A caller that asks for this way gets it
 * with a QEMU that may lose writes, and a warning.
 * @throws QemuError QEMU_DIED
 */
export async function precopyObstacles(guest: LiveGuest): Promise<readonly LiveObstacle[]> {
  const { request, record } = guest
  const way = 'precopy'
  const found: LiveObstacle[] = []
  if (request.parallel === true || request.channels !== undefined) {
    const reason = 'QEMU sends a guest that continues over a single connection'
    found.push({ way, code: 'MULTIFD_ASKED', reason })
  }
  if (request.way !== way && (await losesWrites(guest))) {
    const reason = `QEMU ${record.qemuVersion} without KVM misses writes of a guest that runs while its memory is sent (mended in 9.0)`
    found.push({ way, code: 'LOSES_WRITES', reason })
  }
  return found
}
