import { isClockSynchronised } from '../../../io/clock.ts'
import { type HealthCheck, right } from '../health-check.ts'

/** A guest gets its time from the host, and the age of an image is a difference of times. */
export const CLOCK: HealthCheck = {
  name: 'clock',
  async look() {
    const now = new Date().toISOString()
    const synchronised = isClockSynchronised()
    if (synchronised === true) return [right(`the clock is synchronised: ${now}`)]
    if (synchronised === undefined)
      return [right(`whether the clock is synchronised is unknown: ${now}`)]
    return [
      {
        verdict: 'warning',
        text: `no service keeps the clock of this host right; it says ${now}`,
        remedy: 'Run systemd-timesyncd, chrony or ntpd. In a container, that is for its host to do',
      },
    ]
  },
}
