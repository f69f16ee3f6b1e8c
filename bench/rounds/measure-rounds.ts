import { MachineLoad } from '../host/machine-load.ts'
import type { Run, Scenario, ScenarioResult } from './measurement.ts'

/** Callbacks of rounds that run. */
export interface RoundListeners {
  readonly onFailure: (scenario: string, reason: unknown) => void
  readonly onRun: (results: readonly ScenarioResult[]) => Promise<void>
}

/**
 * Runs all scenarios in turn, `rounds` times, so that a machine that slows down slows all of them. Each round begins with another one, so that none is always the
 * first or behind the same one. A scenario that fails is left out, and `onFailure` gets the reason. `onRun` gets what was measured so far.
 */
export async function measureRounds(
  scenarios: readonly Scenario[],
  rounds: number,
  directory: string,
  { onFailure, onRun }: RoundListeners,
): Promise<readonly ScenarioResult[]> {
  const runs = new Map(scenarios.map((scenario) => [scenario, [] as Run[]]))
  const results = (): readonly ScenarioResult[] =>
    [...runs]
      .filter(([, kept]) => kept.length > 0)
      .map(([{ measure: _, mostRounds: __, ...scenario }, kept]) => ({ ...scenario, runs: kept }))
  for (let round = 0; round < rounds; round += 1) {
    const first = Math.floor((round * scenarios.length) / rounds)
    for (const scenario of [...scenarios.slice(first), ...scenarios.slice(0, first)]) {
      const { name, measure, mostRounds = Infinity } = scenario
      const kept = runs.get(scenario)
      if (kept === undefined || kept.length >= mostRounds) continue
      const load = new MachineLoad(directory)
      try {
        const run = await measure()
        kept.push({ ...run, ...load.read() })
        process.stderr.write(`round ${round + 1}: ${name}: ${run.seconds.toFixed(2)} s\n`)
      } catch (error) {
        runs.delete(scenario)
        onFailure(name, error)
      }
      await onRun(results())
    }
  }
  return results()
}
