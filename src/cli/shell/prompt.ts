import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { StasisError } from '../../errors.ts'
import { splitCommands } from '../command-string.ts'
import { type GlobalFlags, directoriesOf } from '../global-options.ts'
import { cancelOnSignal } from '../terminal/interruption.ts'
import { CommandLines } from './command-lines.ts'
import { completer } from './completion.ts'
import { PromptHistory } from '../../domain/store/host/prompt-history.ts'
import type { Shell } from './shell.ts'

/** From Ctrl-C, as a shell reports a program that SIGINT ended. */
const INTERRUPTED = 130

/**
 * Asks a person at the terminal for commands until `quit` or Ctrl-D. Ctrl-C cancels a command, and ends the prompt when none runs, as with virsh.
 * @throws UsageError
 */
export async function runPrompt(
  argv: readonly string[],
  flags: GlobalFlags,
  { verbs, runner }: Shell,
): Promise<void> {
  const directories = directoriesOf(flags)
  const history = await PromptHistory.open(directories)
  const complete = completer({ verbs, directories })
  const lines = new CommandLines()
  if (flags.quiet !== true) process.stdout.write(WELCOME)
  const sign = flags.readonly === true ? 'stasis > ' : 'stasis # '
  let typed: Typed = { lines: [], rest: '' }
  while (!runner.ended) {
    typed = await ask({ prompt: lines.isOpen ? '> ' : sign, given: typed.rest, history, complete })
    await history.keep()
    if (typed.lines === undefined) break
    for (const line of typed.lines) {
      const text = lines.add(line)
      if (text !== undefined && !runner.ended) await runText(text, argv, runner)
    }
  }
  process.exitCode = typed.interrupted === true ? INTERRUPTED : 0
}

const WELCOME = `Welcome to Stasis.

Type:  'help' for help with commands
       'quit' to quit

`

async function runText(
  text: string,
  argv: readonly string[],
  runner: Shell['runner'],
): Promise<void> {
  using interruption = cancelOnSignal(runner.output)
  try {
    const commands = splitCommands(text).map((words) => [...argv, ...words])
    if (commands.length === 0) return
    await runner.run(commands, { signal: interruption.signal, inSession: true })
  } catch (error) {
    runner.fail(error)
    if (!StasisError.is(error)) throw error
  }
}

interface Typed {
  /** `undefined` when there are no more. */
  readonly lines: readonly string[] | undefined
  /** The text after the last line. */
  readonly rest: string
  readonly interrupted?: boolean
}

/** Reads a line, or the lines that were pasted at once. Then puts the terminal back as it was, for the command. */
async function ask(options: {
  readonly prompt: string
  /** The text that was typed so far. */
  readonly given: string
  readonly history: PromptHistory
  readonly complete: ReturnType<typeof completer>
}): Promise<Typed> {
  const { prompt, given, history, complete } = options
  const reader = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    prompt,
    completer: complete,
    history: [...history.lines],
    historySize: PromptHistory.LIMIT,
    removeHistoryDuplicates: true,
  })
  const lines: string[] = []
  let interrupted = false
  reader.on('history', (kept) => history.set(kept))
  reader.on('line', (line) => {
    lines.push(line)
    // The other lines of a pasted text are events of the same turn.
    if (lines.length === 1) setImmediate(() => reader.close())
  })
  reader.on('SIGINT', () => {
    interrupted = true
    reader.close()
  })
  reader.prompt()
  if (given !== '') reader.write(given)
  await once(reader, 'close')
  // The text that was typed so far is shown again at the next prompt.
  if (lines.length > 0 && reader.line !== '') process.stdout.write('\r\u001b[K')
  if (lines.length > 0) return { lines, rest: reader.line }
  process.stdout.write(interrupted ? '^C\n' : '\n')
  return { lines: undefined, rest: '', interrupted }
}
