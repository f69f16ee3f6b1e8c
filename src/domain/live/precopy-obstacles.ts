import type { LiveGuest } from './live-guest.ts'
import type { LiveObstacle } from './live-way.ts'

/** Why `precopy` cannot be used for this guest; empty if it can. What prevents every migration prevents every save, and is checked before. */
export async function precopyObstacles({ request }: LiveGuest): Promise<readonly LiveObstacle[]> {
  await Promise.resolve()
  if (request.parallel !== true && request.channels === undefined) return []
  const reason = 'QEMU sends a guest that continues over a single connection'
  return [{ way: 'precopy', code: 'MULTIFD_ASKED', reason }]
}
