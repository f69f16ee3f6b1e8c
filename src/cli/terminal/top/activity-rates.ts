import type { DomainActivity, HostActivity } from '../../../domain/status/activity.ts'
import type { LaneRates } from './top-guest.ts'

/** The changes between two looks at a host. */
export interface ActivityRates {
  /** Processor time of each guest, 1 for one whole processor. */
  readonly cpuShares: ReadonlyMap<string, number>
  /** Bytes per second of each channel of a save or restore. */
  readonly laneRates: ReadonlyMap<string, LaneRates>
}

/** The rates from one look to a later one. */
export function ratesBetween(before: HostActivity | undefined, now: HostActivity): ActivityRates {
  const cpuShares = new Map<string, number>()
  const laneRates = new Map<string, LaneRates>()
  const seconds = before === undefined ? 0 : (Date.parse(now.time) - Date.parse(before.time)) / 1000
  if (!(seconds > 0)) return { cpuShares, laneRates }
  const old = new Map(before?.domains.map((domain) => [domain.name, domain]))
  for (const domain of now.domains) {
    const then = old.get(domain.name)
    const share = cpuShare(then, domain, seconds)
    if (share !== undefined) cpuShares.set(domain.name, share)
    const rates = lanesOf(then, domain)
    if (rates.length > 0) laneRates.set(domain.name, rates)
  }
  return { cpuShares, laneRates }
}

function cpuShare(
  then: DomainActivity | undefined,
  now: DomainActivity,
  seconds: number,
): number | undefined {
  if (then?.id !== now.id || then?.cpuTimeMs === undefined || now.cpuTimeMs === undefined)
    return undefined
  return Math.max(0, now.cpuTimeMs - then.cpuTimeMs) / 1000 / seconds
}

/** By the clock of the job: its record may be older than the look. */
function lanesOf(then: DomainActivity | undefined, now: DomainActivity): LaneRates {
  const [before, after] = [then?.job, now.job]
  if (before === undefined || after === undefined || before.id !== after.id) return []
  const [old, present] = [before.transfer, after.transfer]
  if (present === undefined || !('percent' in present)) return []
  if (old === undefined || !('percent' in old)) return []
  const seconds = (present.elapsedMs - old.elapsedMs) / 1000
  if (!(seconds > 0)) return []
  return present.channelBytes.map((bytes, at) =>
    Math.max(0, (bytes - (old.channelBytes[at] ?? 0)) / seconds),
  )
}
