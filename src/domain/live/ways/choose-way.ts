import { DomainError } from '../../../errors.ts'
import type { LiveGuest } from './live-guest.ts'
import type { LiveChoice, LiveObstacle, LiveWay } from './live-way.ts'
import { LIVE_WAY_NAMES, type LiveWayName } from '../live-way-name.ts'
import { mappedObstacles } from './mapped-obstacles.ts'
import { precopyObstacles } from './precopy-obstacles.ts'
import { captureByMapped } from './mapped.ts'
import { captureByPrecopy } from './precopy.ts'
import { captureByWriteProtect } from './write-protect.ts'
import { writeProtectObstacles } from './write-protect-obstacles.ts'

/** All ways, the best first. */
export const LIVE_WAYS: Readonly<Record<LiveWayName, LiveWay>> = {
  'write-protect': {
    why: 'QEMU protects the memory of this guest in a short stop',
    obstacles: writeProtectObstacles,
    capture: captureByWriteProtect,
  },
  mapped: {
    why: 'the memory of this guest is a file, so only what it has changed is copied in a short stop',
    obstacles: mappedObstacles,
    capture: captureByMapped,
  },
  precopy: {
    why: 'QEMU sends memory while the guest runs, and stops it for the rest',
    obstacles: precopyObstacles,
    capture: captureByPrecopy,
  },
}

/** Probes the ways, the best first; returns the first that can be used, or `undefined`, with the obstacles of those before it. @throws QemuError QEMU_DIED */
export async function probeWays(
  guest: LiveGuest,
): Promise<Omit<LiveChoice, 'way' | 'reason'> & Partial<LiveChoice>> {
  const obstacles: LiveObstacle[] = []
  const { way: asked } = guest.request
  for (const way of asked === undefined ? LIVE_WAY_NAMES : [asked]) {
    const known = LIVE_WAYS[way]
    const found = await known.obstacles(guest)
    if (found.length === 0) return { way, reason: known.why, obstacles }
    obstacles.push(...found)
  }
  return { obstacles }
}

/** Chooses the way for a live save. @throws DomainError DOMAIN_WRONG_STATE with every obstacle; QemuError QEMU_DIED */
export async function chooseWay(guest: LiveGuest): Promise<LiveChoice> {
  const { way, reason, obstacles } = await probeWays(guest)
  if (way !== undefined && reason !== undefined) return { way, reason, obstacles }
  throw new DomainError(
    'DOMAIN_WRONG_STATE',
    `Domain '${guest.held.name}' cannot be saved while it runs`,
    {
      operation: 'save --live',
      list: obstacles.map(obstacleText),
      hint: `\`stasis save ${guest.held.name} FILE\` stops it for the save`,
    },
  )
}

/** An obstacle as a line: the way, the code, the reason. */
export function obstacleText({ way, code, reason }: LiveObstacle): string {
  return `${way}: ${reason} (${code})`
}
