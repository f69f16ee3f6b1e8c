import { AnsweringChild } from '../../host/answering-child.ts'
import type { CommandCost } from '../../host/command-cost.ts'

/** Nothing that is measured takes so long. */
const TIMEOUT_MS = 300_000

/** Saves or restores, as the words of the command say, by a process that has imported the library and waits. The time is from the call until it resolves. */
export async function libraryAct(
  library: string,
  env: NodeJS.ProcessEnv,
  words: readonly string[],
): Promise<CommandCost> {
  const program = new URL('./library-program.ts', import.meta.url)
  // Programs have no compile cache unless they ask for it.
  const { NODE_COMPILE_CACHE: _, ...plain } = env
  using child = await AnsweringChild.start(program, [library], plain)
  return (await child.ask(words, TIMEOUT_MS)) as CommandCost
}
