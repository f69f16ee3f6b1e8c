import type { Scenario } from '../rounds/measurement.ts'
import type { BenchSetting } from '../setting.ts'

/** What one word on the command line measures. */
export interface Suite {
  /** One sentence. */
  readonly about: string
  /** The default number of rounds. Short commands vary more. */
  readonly rounds: number
  /** Whether `--ram` sets the size of its guest. */
  readonly usesRam: boolean
  /** The most images that are on the disk at a time. */
  readonly images: (isChosen: BenchSetting['isChosen']) => number
  /** Makes what the scenarios need. */
  readonly open: (setting: BenchSetting) => Promise<OpenSuite>
}

/** Scenarios, and what ends with them. */
export interface OpenSuite extends AsyncDisposable {
  readonly scenarios: readonly Scenario[]
}

/** Scenarios that leave nothing open. */
export function withoutEnd(scenarios: readonly Scenario[]): OpenSuite {
  return { scenarios, [Symbol.asyncDispose]: () => Promise.resolve() }
}
