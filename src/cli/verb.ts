import type { Command } from 'commander'
import type { DirectoryOptions } from '../domain/store/directories.ts'
import type { Output } from './terminal/output.ts'

/** What every verb is given beside its own arguments. */
export interface Invocation {
  readonly directories: DirectoryOptions
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  readonly json: boolean
  readonly output: Output
}

/** What a verb has to say at its end: to a person, and with `--json` to a program. */
export interface Answer {
  readonly text: string
  readonly json: Readonly<Record<string, unknown>> | readonly unknown[]
}

/** One verb of the command line. `Flags` are its options as commander names them. */
export interface Verb<Flags extends object = Record<never, never>> {
  /** Adds arguments and options. */
  readonly declare: (command: Command) => Command
  /** A command line, for `--help`. */
  readonly example: string
  /** Does the work. No answer: the verb has spoken to the terminal itself. */
  readonly run: (
    args: readonly string[],
    flags: Flags,
    invocation: Invocation,
  ) => Promise<Answer | undefined>
}
