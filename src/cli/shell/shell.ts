import type { CommandRunner } from '../command-runner.ts'
import type { VerbEntry } from '../verb-entry.ts'

/** The context of the commands of standard input. */
export interface Shell {
  readonly verbs: readonly VerbEntry[]
  readonly runner: CommandRunner
}
