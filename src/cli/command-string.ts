import { UsageError } from '../errors.ts'
import { indexOfVerb } from './verb-in.ts'

/**
 * The commands of a command line. As with virsh, one argument after the options of every verb may hold several, separated by semicolons or line breaks,
 * with quotes and backslashes as in a shell: `stasis -q 'domstate a; domstate b'`. The options count for each.
 * @throws UsageError BAD_ARGUMENT if a quote is not closed
 */
export function commandsIn(argv: readonly string[]): readonly (readonly string[])[] {
  const at = indexOfVerb(argv)
  const last = argv[at]
  if (last === undefined || at !== argv.length - 1 || /^[\w-]*$/.test(last)) return [argv]
  const commands = splitCommands(last).map((words) => [...argv.slice(0, at), ...words])
  return commands.length === 0 ? [argv.slice(0, at)] : commands
}

/** A line that continues, a piece of a word, the end of a command, or space between words. */
const TOKEN =
  /(?<none>\\\n)|\\(?<escaped>[^])|'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\[^])*)"|(?<end>[;\n])|(?<space>[ \t\r]+)|(?<plain>[^])/y

/**
 * The words of each command in a text. A semicolon or the end of a line ends a command. A backslash at the end of a line continues it. A comment begins with
 * `#` where a word could begin, as with virsh.
 * @throws UsageError BAD_ARGUMENT if a quote is not closed
 */
export function splitCommands(text: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]]
  let word: string | undefined
  const endWord = (): void => {
    if (word !== undefined) commands.at(-1)?.push(word)
    word = undefined
  }
  for (let at = 0; at < text.length;) {
    if (word === undefined && text[at] === '#') {
      const end = text.indexOf('\n', at)
      at = end < 0 ? text.length : end
      continue
    }
    TOKEN.lastIndex = at
    const { groups = {} } = TOKEN.exec(text) ?? {}
    at = TOKEN.lastIndex
    const { none, escaped, single, double, end, space, plain } = groups
    if (none !== undefined) continue
    if (plain === "'" || plain === '"' || plain === '\\')
      throw new UsageError('BAD_ARGUMENT', `The commands end after an open ${plain}: ${text}`)
    if (end !== undefined || space !== undefined) endWord()
    else
      word = (word ?? '') + (escaped ?? single ?? double?.replace(/\\([^])/g, '$1') ?? plain ?? '')
    if (end !== undefined) commands.push([])
  }
  endWord()
  return commands.filter((words) => words.length > 0)
}
