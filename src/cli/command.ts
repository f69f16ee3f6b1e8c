import { InternalError, explained } from '../errors.ts'
import { errorObject, errorText } from './reports/error.ts'
import { exitCodeOf } from './reports/exit-code.ts'
import { interruptionSignal } from './terminal/interruption.ts'
import { Output } from './terminal/output.ts'
import { runProgram } from './program.ts'
import type { VerbEntry } from './verb-entry.ts'

/** Runs the command line of this process, of which the verb is one of `verbs`: prints its answer or its failure, and sets the exit code. `signalFor` makes the signal that cancels it. */
export async function runCommand(
  verbs: readonly VerbEntry[],
  signalFor: (output: Output) => AbortSignal = interruptionSignal,
): Promise<void> {
  const argv = process.argv.slice(2)
  const json = argv.includes('--json')
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
  try {
    const answer = await runProgram(argv, verbs, { output, signal: signalFor(output) })
    if (answer !== undefined && json) output.json(answer.json)
    else if (answer !== undefined && answer.text !== '') output.result(answer.text)
  } catch (error) {
    fail(error)
  }
  process.off('beforeExit', cutShort)
}
