import { createInterface } from 'node:readline/promises'
import type { Output } from './output.ts'

/** Shows the reason for which an edited text was refused, and asks whether to edit it again. Without a terminal the answer is no. */
export async function askWhetherAgain(reason: string, output: Output): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  output.note(reason)
  using terminal = createInterface({ input: process.stdin, output: process.stderr })
  const end = new AbortController()
  terminal.once('close', () => end.abort())
  const answer = terminal.question('Edit it again? [Y/n] ', { signal: end.signal })
  // The end of the input (Ctrl-D) means no.
  return /^(y|yes)?$/i.test((await answer.catch(() => 'no')).trim())
}
