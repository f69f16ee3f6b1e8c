import { type HealthCheck, right } from '../health-check.ts'

/** The Node that runs Stasis. One that is too old does not get here. */
export const NODE: HealthCheck = {
  name: 'node',
  async look() {
    return [right(`Node ${process.version} (${process.execPath})`)]
  },
}
