import { createInterface } from 'node:readline'
import { noVerb } from '../command-line-fault.ts'
import { splitCommands } from '../command-string.ts'
import { cancelOnSignal } from '../terminal/interruption.ts'
import { CommandLines } from './command-lines.ts'
import type { Shell } from './shell.ts'

/**
 * Runs the commands of standard input. A command that fails does not stop the next; the exit code is that of the last. A signal ends the script.
 * @throws UsageError if there is nothing on standard input; CancelledError
 */
export async function runScript(argv: readonly string[], { runner }: Shell): Promise<void> {
  using interruption = cancelOnSignal(runner.output)
  const { signal } = interruption
  const lines = new CommandLines()
  const run = async (text: string): Promise<void> => {
    let commands: readonly (readonly string[])[] = []
    try {
      commands = splitCommands(text)
    } catch (error) {
      runner.fail(error)
    }
    const whole = commands.map((words) => [...argv, ...words])
    if (whole.length > 0) await runner.run(whole, { signal, inSession: true })
  }
  let isEmpty = true
  const input = createInterface({ input: process.stdin, crlfDelay: Infinity, terminal: false })
  const close = (): void => input.close()
  signal.addEventListener('abort', close)
  try {
    for await (const line of input) {
      isEmpty = false
      const text = lines.add(line)
      if (text !== undefined) await run(text)
      if (runner.ended || signal.aborted) break
    }
    if (lines.isOpen && !runner.ended) await run(lines.rest())
  } finally {
    signal.removeEventListener('abort', close)
    input.close()
    process.stdin.destroy()
  }
  if (isEmpty && !signal.aborted) throw noVerb()
}
