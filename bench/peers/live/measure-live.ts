import { setTimeout as sleep } from 'node:timers/promises'
import type { Measurement } from '../../rounds/measurement.ts'
import { GuestProgress } from './guest-progress.ts'
import type { StopTimes } from './stop-times.ts'

/** How long the guest is watched before anything happens to it. */
const BEFORE_MS = 1000

/** A guest that is saved while it runs. */
interface LiveGuest {
  readonly pid: number
  readonly ramBytes: number
  readonly pages: number
  readonly stops: StopTimes
}

/** What the work itself knows. */
type OwnFigures = Pick<
  Measurement,
  'fileBytes' | 'processorSeconds' | 'qemuProcessorSeconds' | 'peakBytes'
>

/** Does something to a running guest, and measures how long it was stopped and how it wrote meanwhile. */
export async function measureLive(
  guest: LiveGuest,
  work: () => Promise<OwnFigures>,
): Promise<Measurement> {
  await using progress = new GuestProgress(guest)
  await sleep(BEFORE_MS)
  const fromMs = Date.now()
  const started = performance.now()
  const own = await work()
  const seconds = (performance.now() - started) / 1000
  const toMs = Date.now()
  const stop = await guest.stops.longest(toMs)
  return {
    ...own,
    seconds,
    ...(stop !== undefined && { pauseSeconds: (stop.toMs - stop.fromMs) / 1000 }),
    ...progress.of({ fromMs, toMs }, stop),
  }
}
