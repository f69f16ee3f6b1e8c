/** One run of a scenario. */
export interface Measurement {
  readonly seconds: number
  readonly fileBytes: number
  /** Of our process. */
  readonly processorSeconds: number
  readonly qemuProcessorSeconds: number
  readonly peakBytes?: number
}

/** Something that is measured beside others. */
export interface Scenario {
  readonly name: string
  measure(): Promise<Measurement>
}

/** A scenario with all its runs. */
export interface ScenarioResult {
  readonly name: string
  readonly runs: readonly Measurement[]
}

/** Runs all scenarios in turn, `rounds` times, so that a machine that slows down slows all of them. */
export async function measureRounds(
  scenarios: readonly Scenario[],
  rounds: number,
): Promise<readonly ScenarioResult[]> {
  const results = scenarios.map(({ name }) => ({ name, runs: [] as Measurement[] }))
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, scenario] of scenarios.entries()) {
      const run = await scenario.measure()
      results[index]?.runs.push(run)
      process.stderr.write(`round ${round + 1}: ${scenario.name}: ${run.seconds.toFixed(2)} s\n`)
    }
  }
  return results
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** The median of the ratios of two scenarios, round by round; NaN if one was not measured. */
export function ratio(results: readonly ScenarioResult[], of: string, to: string): number {
  const a = results.find(({ name }) => name === of)?.runs ?? []
  const b = results.find(({ name }) => name === to)?.runs ?? []
  if (a.length === 0 || b.length === 0) return Number.NaN
  return median(a.map((run, index) => run.seconds / (b[index]?.seconds ?? Number.NaN)))
}
