import { UsageError } from '../errors.ts'
import { indexOfVerb } from './verb-in.ts'

/**
 * The commands of a command line. As with virsh, one argument behind the options of every verb may hold several, separated by semicolons or line breaks,
 * with quotes and backslashes as in a shell: `stasis -q 'domstate a; domstate b'`. The options count for each.
 * @throws UsageError BAD_ARGUMENT if a quote is not closed
 */
export function commandsIn(argv: readonly string[]): readonly (readonly string[])[] {
  const at = indexOfVerb(argv)
  const last = argv[at]
  if (last === undefined || at !== argv.length - 1 || /^[\w-]*$/.test(last)) return [argv]
  const commands = split(last).map((words) => [...argv.slice(0, at), ...words])
  return commands.length === 0 ? [argv.slice(0, at)] : commands
}

/** A piece of a word, the end of a command, or space between words. */
const TOKEN =
  /\\(?<escaped>[^])|'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\[^])*)"|(?<end>[;\n])|(?<space>[ \t\r]+)|(?<plain>[^])/g

function split(text: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]]
  let word: string | undefined
  const endWord = (): void => {
    if (word !== undefined) commands.at(-1)?.push(word)
    word = undefined
  }
  for (const { groups = {} } of text.matchAll(TOKEN)) {
    const { escaped, single, double, end, space, plain } = groups
    if (plain === "'" || plain === '"' || plain === '\\')
      throw new UsageError('BAD_ARGUMENT', `The commands end behind an open ${plain}: ${text}`)
    if (end !== undefined || space !== undefined) endWord()
    else
      word = (word ?? '') + (escaped ?? single ?? double?.replace(/\\([^])/g, '$1') ?? plain ?? '')
    if (end !== undefined) commands.push([])
  }
  endWord()
  return commands.filter((words) => words.length > 0)
}
