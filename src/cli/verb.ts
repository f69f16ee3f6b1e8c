import type { Command } from 'commander'
import type { DomainOptions } from '../domain/store/domain-options.ts'
import type { Output } from './terminal/output.ts'

/** What every verb receives besides its own arguments. */
export interface Invocation {
  /** Where domains are, and the file for metrics: part of the options of every operation. */
  readonly directories: DomainOptions
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  readonly json: boolean
  /** Whether headings and progress are left out (`-q`). */
  readonly quiet: boolean
  readonly output: Output
  /** The program with every verb declared, to learn what there is. */
  readonly allVerbs: () => Promise<Command>
  /** Whether it is a command of a prompt or script, not of the command line. */
  readonly inSession: boolean
  /** Ends the prompt, the script or the command line: the following commands do not run. */
  readonly end: () => void
  /** Chooses the domains of the following commands, by libvirt's URI or as at the start, and whether they may change something. */
  readonly connect: (uri: string | undefined, readonly: boolean) => void
}

/** The result of a verb: as text for a person and, with `--json`, as data for a program. */
export interface Answer {
  readonly text: string
  readonly json: Readonly<Record<string, unknown>> | readonly unknown[]
}

/** One verb of the command line. `Flags` are its options, with commander's names. */
export interface Verb<Flags extends object = Record<never, never>> {
  /** Adds arguments and options. */
  readonly declare: (command: Command) => Command
  /** Whether it only looks, which `-r` allows and `-q` shows. A verb that does not say so changes something. */
  readonly looks?: true | ((args: readonly string[], flags: Flags) => boolean)
  /** Fills in options that the command line leaves out, from the configuration. */
  readonly configure?: (command: Command) => Promise<void>
  /** A command line, for `--help`. */
  readonly example: string
  /** Does the work. Returns no answer if the verb has written to the terminal itself. */
  readonly run: (
    args: readonly string[],
    flags: Flags,
    invocation: Invocation,
  ) => Promise<Answer | undefined>
}
