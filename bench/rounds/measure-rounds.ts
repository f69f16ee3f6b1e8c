import { MachineLoad } from '../host/machine-load.ts'
import type { Run, Scenario, ScenarioResult } from './measurement.ts'

/** Runs all scenarios in turn, `rounds` times, so that a machine that slows down slows all of them. */
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
    for (const [index, scenario] of scenarios.entries()) {
      const load = new MachineLoad(directory)
      const run = await scenario.measure()
      results[index]?.runs.push({ ...run, ...load.read() })
      process.stderr.write(`round ${round + 1}: ${scenario.name}: ${run.seconds.toFixed(2)} s\n`)
    }
  }
  return results
}
