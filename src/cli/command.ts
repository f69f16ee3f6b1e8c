import { InternalError, StasisError, explained } from '../errors.ts'
import { commandsIn } from './command-string.ts'
import { errorObject, errorText } from './reports/error.ts'
import { exitCodeOf } from './reports/exit-code.ts'
import { interruptionSignal } from './terminal/interruption.ts'
import { Output } from './terminal/output.ts'
import { runProgram } from './program.ts'
import type { VerbEntry } from './verb-entry.ts'
import { indexOfVerb } from './verb-in.ts'

/**
 * Runs the command line of this process, whose verbs are in `verbs`: prints answers or failures, and sets the exit code. Of several commands a failed
 * one does not stop the next, and the exit code is that of the last, as with virsh. `signalFor` makes the signal that cancels all.
 */
export async function runCommand(
  verbs: readonly VerbEntry[],
  signalFor: (output: Output) => AbortSignal = interruptionSignal,
): Promise<void> {
  const argv = process.argv.slice(2)
  const json = argv.some((argument) => /(?:^|\s)--json(?:$|[\s;])/.test(argument))
  const fail = (caught: unknown): void => {
    const error = explained('do this', caught)
    const debug = process.env['STASIS_DEBUG'] !== undefined && process.env['STASIS_DEBUG'] !== ''
    output.note(json ? JSON.stringify(errorObject(error)) : errorText(error, { debug }))
    process.exitCode = exitCodeOf(error)
  }
  const output = new Output(fail)
  // Node ends a process that waits for nothing, with exit code 0.
  const cutShort = (): void => fail(new InternalError('The command ended before its work'))
  process.once('beforeExit', cutShort)
  const signal = signalFor(output)
  const run = async (command: readonly string[]): Promise<void> => {
    const answer = await runProgram(command, verbs, { output, signal })
    if (answer !== undefined && json) output.json(answer.json)
    else if (answer !== undefined && answer.text !== '') output.result(answer.text)
  }
  try {
    for (const command of withoutUnknown(commandsIn(argv), verbs)) {
      process.exitCode = undefined
      await run(command).catch((error: unknown) => {
        if (StasisError.is(error, 'CANCELLED')) throw error
        fail(error)
      })
    }
  } catch (error) {
    fail(error)
  }
  process.off('beforeExit', cutShort)
}

/** Nothing is run if a later command does not exist: then only that one, which fails. */
function withoutUnknown(
  commands: readonly (readonly string[])[],
  verbs: readonly VerbEntry[],
): readonly (readonly string[])[] {
  if (commands.length === 1) return commands
  const names = new Set(['help', ...verbs.map(({ name }) => name)])
  const unknown = commands.find((command) => !names.has(command[indexOfVerb(command)] ?? ''))
  return unknown === undefined ? commands : [unknown]
}
