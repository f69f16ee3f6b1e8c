import { Command, CommanderError } from 'commander'
import { UsageError } from '../errors.ts'
import { exitCodeTable } from './reports/exit-code.ts'
import { commandLineFault } from './command-line-fault.ts'
import { elsewhereError } from './elsewhere.ts'
import {
  type GlobalFlags,
  declareGlobalOptions,
  directoriesOf,
  withVerb,
} from './global-options.ts'
import { helpItem, helpWidth } from './terminal/help-layout.ts'
import { acceptNames } from './named-arguments.ts'
import type { Output } from './terminal/output.ts'
import type { Answer, Invocation, Verb } from './verb.ts'
import type { VerbEntry, VerbGroup } from './verb-entry.ts'
import { indexOfVerb } from './verb-in.ts'

/** The parts of its process that the command line needs. */
export interface ProgramContext {
  readonly output: Output
  readonly signal: AbortSignal
  /** For `--help` without a verb. */
  readonly groups: readonly VerbGroup[]
  /** Whether the command is one of a prompt or script. */
  readonly inSession: boolean
  /** Ends the session: the following commands do not run. */
  readonly end: () => void
  /** Chooses the domains of the following commands, and whether these may change something. */
  readonly connect: (uri: string | undefined, readonly: boolean) => void
}

/**
 * Runs one command line (without the names of interpreter and script). The answer is `undefined` if help was shown.
 * @throws UsageError for a wrong command line; whatever the verb throws
 */
export async function runProgram(
  given: readonly string[],
  verbs: readonly VerbEntry[],
  context: ProgramContext,
): Promise<Answer | undefined> {
  const argv = withVerb(given)
  let answer: Answer | undefined
  let complaint = ''
  const program = new Command('stasis')
    .description('Suspends running QEMU/KVM virtual machines to disk and brings them back.')
    .configureHelp({
      showGlobalOptions: true,
      formatItem: (term, termWidth, description, { helpWidth: width }) =>
        helpItem(term, termWidth, description, width ?? helpWidth()),
    })
    .configureOutput({
      getOutHelpWidth: helpWidth,
      writeOut: (text) => context.output.result(text.trimEnd()),
      writeErr: (text) => (complaint += text),
    })
    .exitOverride()
    .helpCommand(false)
    .addHelpText('after', () => `\nExit codes:\n${exitCodeTable(helpWidth())}`)

  const called = verbs.find(({ name }) => name === argv[indexOfVerb(argv)])
  const group = called === undefined ? groupAsked(given, context.groups) : undefined
  if (group !== undefined) {
    context.output.result(groupText(group))
    return undefined
  }
  if (called === undefined) {
    const elsewhere = elsewhereError(argv[indexOfVerb(argv)] ?? '')
    if (elsewhere !== undefined) throw elsewhere
    declareGlobalOptions(program)
    // For the help text, and for suggestions.
    for (const { title, keyword, verbs: grouped } of context.groups)
      for (const { name, summary } of grouped)
        program.command(name).summary(summary).helpGroup(`${title} (stasis help ${keyword}):`)
  } else {
    const verb = await called.load()
    const command = program.command(called.name).summary(called.summary)
    declare(command, called.summary, verb)
    const joined = acceptNames(command)
    // To declare them takes a twentieth of a command that looks.
    if (argv.some((argument) => argument.startsWith('-') && !isOptionOf(command, argument)))
      declareGlobalOptions(program)
    command.action(async () => {
      const args = joined()
      await verb.configure?.(command)
      const flags = command.optsWithGlobals<GlobalFlags>()
      const looks = verb.looks === true || verb.looks?.(args, flags) === true
      if (flags.log !== undefined) context.output.logErrorsTo(flags.log)
      if (context.inSession && args.includes('-') && !process.stdin.isTTY)
        throw new UsageError('BAD_ARGUMENT', "A script cannot use '-': name a file")
      if (flags.readonly === true && !looks) throw readOnly(called.name)
      const found = await verb.run(args, flags, invocation(flags, context, verbs))
      answer = flags.quiet === true && flags.json !== true && !looks ? undefined : found
    })
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return undefined
    throw commandLineFault(error, complaint, called?.name)
  }
  return answer
}

function isOptionOf(command: Command, argument: string): boolean {
  return command.options.some(({ short, long }) => argument === short || argument === long)
}

function declare(command: Command, summary: string, verb: Verb<object>): void {
  verb
    .declare(command)
    .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
    .addHelpText('after', `\nExample:\n  ${verb.example.replaceAll('\n', '\n  ')}`)
}

/** The group of `help GROUP`. @throws UsageError BAD_ARGUMENT if that is neither a group nor a verb */
function groupAsked(argv: readonly string[], groups: readonly VerbGroup[]): VerbGroup | undefined {
  const at = indexOfVerb(argv)
  const topic = argv[at] === 'help' ? argv[at + 1] : undefined
  if (topic === undefined || topic.startsWith('-')) return undefined
  const group = groups.find(({ keyword }) => keyword === topic)
  if (group !== undefined) return group
  throw (
    elsewhereError(topic) ??
    new UsageError('BAD_ARGUMENT', `There is no verb and no group '${topic}'`, {
      hint: '`stasis help` lists them',
    })
  )
}

function groupText({ title, verbs }: VerbGroup): string {
  const lines = verbs.map(({ name, summary }) => `  ${name.padEnd(20)} ${summary}`)
  return [`${title}:`, ...lines].join('\n')
}

function invocation(
  flags: GlobalFlags,
  context: ProgramContext,
  verbs: readonly VerbEntry[],
): Invocation {
  return {
    ...context,
    allVerbs: () => programWithAll(verbs),
    directories: directoriesOf(flags),
    json: flags.json === true,
    quiet: flags.quiet === true,
  }
}

/** As it is while a verb runs, for all of them at once. */
export async function programWithAll(verbs: readonly VerbEntry[]): Promise<Command> {
  const program = declareGlobalOptions(new Command('stasis'))
  for (const { name, summary, load } of verbs) {
    const command = program.command(name).summary(summary)
    declare(command, summary, await load())
    acceptNames(command)
  }
  return program
}

function readOnly(verb: string): UsageError {
  return new UsageError('BAD_COMBINATION', `'${verb}' changes something: --readonly forbids it`)
}
