import type { FilePath } from '../../io/files/given-path.ts'
import { probeMigration } from '../../migration/features.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { openControl } from '../machine/monitor.ts'
import { type SaveCheck, checkHeld } from '../save/check-save.ts'
import { obstacleText, probeWays } from './ways/choose-way.ts'
import { type LiveSaveOptions, refuseQuiesce, resolveLiveOptions } from './live-options.ts'
import type { LiveObstacle } from './ways/live-way.ts'
import type { LiveWayName } from './live-way-name.ts'

/** The expected outcome of a live save. */
export interface LiveCheck extends SaveCheck {
  /** The way that it would take; `undefined` if there is none. */
  readonly way: LiveWayName | undefined
  readonly reason: string | undefined
  /** Why the ways before it cannot be used. If there is no way, they are in `obstacles` as well. */
  readonly liveObstacles: readonly LiveObstacle[]
}

/**
 * Checks whether a running domain, given by name, UUID or id, could be saved while it runs, without stopping it, and by which way. Without `path` for a
 * managed save.
 * @throws DomainError DOMAIN_NOT_FOUND, DOMAIN_NOT_RUNNING, DOMAIN_BUSY; UsageError
 * @example
 * const { way, reason, liveObstacles } = await checkLive('web', '/backup/web.save')
 */
export async function checkLive(
  reference: string,
  path: FilePath | undefined,
  options: LiveSaveOptions = {},
): Promise<LiveCheck> {
  const settings = resolveLiveOptions(options)
  refuseQuiesce(options)
  await using held = await HeldDomain.look(reference, 'save --live --check', options)
  const record = held.requireRunning()
  await using control = await openControl(held.paths, options.signal)
  const check = await checkHeld(held, control, path, { ...options, settings, transport: 'raw' })
  const features = await probeMigration(control, options)
  const guest = { held, record, control, features, request: options }
  const { way, reason, obstacles: liveObstacles } = await probeWays(guest)
  const obstacles = [
    ...check.obstacles,
    ...(way === undefined ? liveObstacles.map(obstacleText) : []),
  ]
  return { ...check, obstacles, way, reason, liveObstacles }
}
