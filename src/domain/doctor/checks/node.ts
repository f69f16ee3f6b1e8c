import { type HealthCheck, right } from '../health-check.ts'

/** The Node that runs Stasis. An older one than it needs has been refused before. */
export const NODE: HealthCheck = {
  name: 'node',
  async look() {
    return [right(`Node ${process.version} (${process.execPath})`)]
  },
}
