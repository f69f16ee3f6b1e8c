import { InternalError } from '../errors.ts'
import { CommandRunner } from './command-runner.ts'
import { commandsIn } from './command-string.ts'
import { cancelOnSignal } from './terminal/interruption.ts'
import type { Output } from './terminal/output.ts'
import type { VerbEntry, VerbGroup } from './verb-entry.ts'
import { hasNoVerb } from './verb-in.ts'

/** The optional parts of a program of the command line. */
export interface CommandOptions {
  /** The verbs as `--help` groups them. */
  readonly groups?: readonly VerbGroup[]
  /** Makes the signal that cancels all commands. */
  readonly signalFor?: (output: Output) => AbortSignal
  /** Runs the commands of standard input, for a command line without a verb. */
  readonly runSession?: (argv: readonly string[], runner: CommandRunner) => Promise<void>
  /** Ends the process when all is written. Otherwise it ends when nothing is left to wait for, which takes longer. */
  readonly endsAtOnce?: boolean
}

/** Runs the command line of this process, whose verbs are in `verbs`: prints answers or failures, and sets the exit code. */
export async function runCommand(
  verbs: readonly VerbEntry[],
  {
    groups = [],
    signalFor = (output) => cancelOnSignal(output).signal,
    runSession,
    endsAtOnce = false,
  }: CommandOptions = {},
): Promise<void> {
  const argv = process.argv.slice(2)
  const runner = new CommandRunner(verbs, groups)
  runner.expectJson(argv)
  // Node ends a process that waits for nothing, with exit code 0.
  const cutShort = (): void => runner.fail(new InternalError('The command ended before its work'))
  process.once('beforeExit', cutShort)
  try {
    if (runSession !== undefined && hasNoVerb(argv)) await runSession(argv, runner)
    else {
      const context = { signal: signalFor(runner.output), inSession: false }
      await runner.run(commandsIn(argv), context)
    }
  } catch (error) {
    runner.fail(error)
  }
  process.off('beforeExit', cutShort)
  if (endsAtOnce && !runner.output.mayBePending) process.exit()
}
