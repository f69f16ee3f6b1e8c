import { Command, CommanderError } from 'commander'
import { commandLineFault } from '../command-line-fault.ts'
import { type GlobalFlags, declareGlobalOptions } from '../global-options.ts'
import { runPrompt } from './prompt.ts'
import { runScript } from './script.ts'
import type { Shell } from './shell.ts'

/**
 * `stasis` without a verb: the commands come from standard input, from a person if it is a terminal. The options of the command line count for each.
 * @throws UsageError; CancelledError when a signal ended a script
 */
export async function runSession(argv: readonly string[], shell: Shell): Promise<void> {
  const flags = optionsIn(argv)
  if (process.stdin.isTTY) await runPrompt(argv, flags, shell)
  else await runScript(argv, shell)
}

function optionsIn(argv: readonly string[]): GlobalFlags {
  let complaint = ''
  const command = declareGlobalOptions(new Command('stasis'))
    .exitOverride()
    .configureOutput({ writeErr: (text) => (complaint += text) })
  try {
    return command.parse(argv, { from: 'user' }).opts<GlobalFlags>()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    throw commandLineFault(error, complaint)
  }
}
