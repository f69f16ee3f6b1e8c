import type { CommandRunner } from '../command-runner.ts'
import type { VerbEntry } from '../verb-entry.ts'

/** What the commands of standard input run with. */
export interface Shell {
  readonly verbs: readonly VerbEntry[]
  readonly runner: CommandRunner
}
