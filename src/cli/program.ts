import { Command, CommanderError } from 'commander'
import { UsageError } from '../errors.ts'
import { exitCodeTable } from './reports/exit-code.ts'
import type { Output } from './terminal/output.ts'
import type { Answer, Invocation, Verb } from './verb.ts'
import type { VerbEntry } from './verb-entry.ts'

/** The options of every verb. */
interface GlobalFlags {
  readonly stateDir?: string
  readonly json?: boolean
}

/** What the command line needs from its process. */
export interface ProgramContext {
  readonly output: Output
  readonly signal: AbortSignal
}

/**
 * Runs one command line (without the names of interpreter and script). The answer is `undefined` if help was shown.
 * @throws UsageError for a wrong command line; whatever the verb throws
 */
export async function runProgram(
  argv: readonly string[],
  verbs: readonly VerbEntry[],
  context: ProgramContext,
): Promise<Answer | undefined> {
  let answer: Answer | undefined
  let complaint = ''
  const program = new Command('stasis')
    .description('Suspends running QEMU/KVM virtual machines to disk and brings them back.')
    .option('--state-dir <dir>', 'where domains are kept (or set STASIS_STATE_DIR)')
    .option('--json', 'answer in JSON, for programs')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.output.result(text.trimEnd()),
      writeErr: (text) => (complaint += text),
    })
    .exitOverride()
    .addHelpText('after', () => `\nExit codes:\n${exitCodeTable()}`)

  const called = verbs.find(({ name }) => name === verbIn(argv))
  if (called === undefined) {
    // For the help text, and for suggestions.
    for (const { name, summary } of verbs) program.command(name).summary(summary)
  } else {
    const verb = await called.load()
    const command = program.command(called.name).summary(called.summary)
    declare(command, called.summary, verb)
    command.action(async () => {
      const flags = command.optsWithGlobals<GlobalFlags>()
      answer = await verb.run(command.args, flags, invocation(flags, context))
    })
  }
  try {
    await program.parseAsync(helpAsOption(argv), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return undefined
    throw usageError(error, complaint, called?.name)
  }
  return answer
}

function declare(command: Command, summary: string, verb: Verb<object>): void {
  verb
    .declare(command)
    .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
    .addHelpText('after', `\nExample:\n  ${verb.example.replaceAll('\n', '\n  ')}`)
}

function invocation(flags: GlobalFlags, { output, signal }: ProgramContext): Invocation {
  return {
    directories: flags.stateDir === undefined ? {} : { stateDir: flags.stateDir },
    json: flags.json === true,
    output,
    signal,
  }
}

/** The first argument that is not an option. Only the file of that verb is loaded. */
function verbIn(argv: readonly string[]): string | undefined {
  const operands = argv.filter(
    (argument, index) => !argument.startsWith('-') && argv[index - 1] !== '--state-dir',
  )
  return operands[0] === 'help' ? operands[1] : operands[0]
}

/** `help VERB` shows what `VERB --help` shows. */
function helpAsOption(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1, 2), '--help'] : argv
}

function usageError(error: CommanderError, complaint: string, verb?: string): UsageError {
  const help = `\`stasis ${verb === undefined ? '' : `${verb} `}--help\` shows what is possible`
  if (error.code === 'commander.help') {
    return new UsageError('BAD_ARGUMENT', 'No verb was given', {
      hint: '`stasis --help` lists them',
    })
  }
  const [message = '', suggestion] = complaint
    .trim()
    .replace(/^error: /, '')
    .split('\n')
  return new UsageError('BAD_ARGUMENT', `${message[0]?.toUpperCase()}${message.slice(1)}`, {
    hint: suggestion?.replace(/^\((.*)\)$/, '$1') ?? help,
  })
}
