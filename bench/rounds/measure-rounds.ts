import { MachineLoad } from '../host/machine-load.ts'
import type { Run, Scenario, ScenarioResult } from './measurement.ts'

/**
 * Runs all scenarios in turn, `rounds` times, so that a machine that slows down slows all of them. Each round begins with another one, so that none is always the
 * first or behind the same one.
 */
export async function measureRounds(
  scenarios: readonly Scenario[],
  rounds: number,
  directory: string,
): Promise<readonly ScenarioResult[]> {
  const results = scenarios.map(({ measure: _, ...scenario }) => ({
    ...scenario,
    runs: [] as Run[],
  }))
  for (let round = 0; round < rounds; round += 1) {
    const first = Math.floor((round * scenarios.length) / rounds)
    for (let turn = 0; turn < scenarios.length; turn += 1) {
      const index = (first + turn) % scenarios.length
      const scenario = scenarios[index] as Scenario
      const load = new MachineLoad(directory)
      const run = await scenario.measure()
      results[index]?.runs.push({ ...run, ...load.read() })
      process.stderr.write(`round ${round + 1}: ${scenario.name}: ${run.seconds.toFixed(2)} s\n`)
    }
  }
  return results
}
