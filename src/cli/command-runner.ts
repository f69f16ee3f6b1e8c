import { StasisError } from '../errors.ts'
import { explained } from '../io/storage-error.ts'
import { runProgram } from './program.ts'
import { errorObject, errorText } from './reports/error.ts'
import { exitCodeOf } from './reports/exit-code.ts'
import { Output } from './terminal/output.ts'
import type { VerbEntry, VerbGroup } from './verb-entry.ts'
import { indexOfVerb } from './verb-in.ts'

/** The context of all commands of a run. */
export interface RunContext {
  readonly signal: AbortSignal
  /** Whether they come from a prompt or script. */
  readonly inSession: boolean
}

/** Runs commands of this process: prints their answers or failures, and sets the exit code, which is that of the last command. */
export class CommandRunner {
  readonly output: Output
  readonly #verbs: readonly VerbEntry[]
  readonly #groups: readonly VerbGroup[]
  #json = false
  #ended = false
  /** From `connect`. */
  #connection: { readonly uri: string | undefined; readonly readonly: boolean } | undefined

  /** `groups` are those of `--help`. */
  constructor(verbs: readonly VerbEntry[], groups: readonly VerbGroup[]) {
    this.#verbs = verbs
    this.#groups = groups
    this.output = new Output((error) => this.fail(error))
  }

  /** Whether a command (`quit`) has ended the run. */
  get ended(): boolean {
    return this.#ended
  }

  /** Prints a failure and sets the exit code. */
  fail(caught: unknown): void {
    const error = explained('do this', caught)
    const debug = process.env['STASIS_DEBUG'] !== undefined && process.env['STASIS_DEBUG'] !== ''
    const text = errorText(error, { debug })
    this.output.note(this.#json ? JSON.stringify(errorObject(error)) : text)
    this.output.logError(text)
    process.exitCode = exitCodeOf(error)
  }

  /** Finds out whether a command of this line asks for JSON: then a failure before the first command is also JSON. */
  expectJson(argv: readonly string[]): void {
    this.#json = argv.some((argument) => /(?:^|\s)--json(?:$|[\s;])/.test(argument))
  }

  /** Runs commands one after the other. A failed one does not stop the next, as with virsh. @throws CancelledError */
  async run(commands: readonly (readonly string[])[], context: RunContext): Promise<void> {
    for (const command of withoutUnknown(commands, this.#verbs)) {
      if (this.#ended) return
      process.exitCode = undefined
      this.#json = command.includes('--json')
      try {
        await this.#runOne(command, context)
      } catch (error) {
        if (StasisError.is(error, 'CANCELLED')) throw error
        this.fail(error)
      }
    }
  }

  /** A command with the options that `connect` chose in place of those at the start. */
  #connected(command: readonly string[]): readonly string[] {
    if (this.#connection === undefined) return command
    const { uri, readonly } = this.#connection
    const at = indexOfVerb(command)
    const options = uri === undefined ? command.slice(0, at) : withoutPlace(command.slice(0, at))
    return [
      ...options,
      ...(uri === undefined ? [] : ['--connect', uri]),
      ...(readonly ? ['--readonly'] : []),
      ...command.slice(at),
    ]
  }

  async #runOne(command: readonly string[], context: RunContext): Promise<void> {
    const beganMs = performance.now()
    const { output } = this
    const end = (): void => void (this.#ended = true)
    const connect = (uri: string | undefined, readonly: boolean): void =>
      void (this.#connection = { uri, readonly })
    const answer = await runProgram(this.#connected(command), this.#verbs, {
      ...context,
      ...{ groups: this.#groups, output, end, connect },
    })
    if (answer !== undefined && this.#json) output.json(answer.json)
    else if (answer !== undefined && answer.text !== '') output.result(answer.text)
    if (asksTime(command)) output.result(`(Time: ${(performance.now() - beganMs).toFixed(3)} ms)`)
  }
}

/** Options without those that say where domains are kept. */
function withoutPlace(options: readonly string[]): readonly string[] {
  const isPlace = (word = ''): boolean => /^(?:-[qrtvV]*c|--connect|--state-dir)$/.test(word)
  return options.flatMap((word, index) => {
    if (isPlace(options[index - 1]) || /^--(?:connect|state-dir)=/.test(word)) return []
    if (!isPlace(word)) return [word]
    const others = /^-[qrtvV]+c$/.test(word) ? [word.slice(0, -1)] : []
    return others
  })
}

/** `-t`, in virsh's words. */
function asksTime(command: readonly string[]): boolean {
  const options = command.slice(0, indexOfVerb(command))
  return options.some((option) => /^(?:-[qrvV]*t\w*|--timing)$/.test(option))
}

/** The commands to run: all, or, if the verb of one does not exist, only that one, which fails. */
function withoutUnknown(
  commands: readonly (readonly string[])[],
  verbs: readonly VerbEntry[],
): readonly (readonly string[])[] {
  if (commands.length === 1) return commands
  const names = new Set(['help', ...verbs.map(({ name }) => name)])
  const unknown = commands.find((command) => !names.has(command[indexOfVerb(command)] ?? ''))
  return unknown === undefined ? commands : [unknown]
}
