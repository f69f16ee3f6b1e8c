import { readdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { listDomains } from '../../domain/status/list.ts'
import type { DirectoryOptions } from '../../domain/store/directories.ts'
import { splitCommands } from '../command-string.ts'
import { type CommandWords, type Completes, type VerbWords, wordsOf } from '../completion/words.ts'
import { programWithAll } from '../program.ts'
import type { VerbEntry } from '../verb-entry.ts'
import { VERB_GROUPS } from '../verbs.ts'

/** The sources of completions. */
export interface CompletionSource {
  readonly verbs: readonly VerbEntry[]
  readonly directories: DirectoryOptions
}

/** The words that fit, and the part of the line that they replace, as readline wants them. */
export type Completion = [matches: string[], replaced: string]

/** The completer of the prompt for readline: verbs, options, domains and files. A failure completes nothing. */
export function completer({
  verbs,
  directories,
}: CompletionSource): (line: string) => Promise<Completion> {
  let program: Promise<CommandWords> | undefined
  return async (line) => {
    program ??= programWithAll(verbs).then(wordsOf)
    return complete(line, await program, directories).catch(() => [[], line])
  }
}

/** A single word gets a space after it, unless it is a directory. */
async function complete(
  line: string,
  program: CommandWords,
  directories: DirectoryOptions,
): Promise<Completion> {
  const [last = ''] = /(?:[^\s;\\]|\\.)*$/.exec(line) ?? []
  const before = line.slice(0, line.length - last.length)
  const word = last.replace(/\\(.)/g, '$1')
  const words = /;\s*$/.test(before) ? [] : (splitCommands(before).at(-1) ?? [])
  const what = expected(words, word, program)
  const found = (await valuesOf(what, word, directories)).filter((one) => one.startsWith(word))
  const escaped = found.map((one) => one.replace(/[\s;'"\\#]/g, '\\$&'))
  const [only = ''] = escaped
  return [escaped.length === 1 && !only.endsWith('/') ? [`${only} `] : escaped, last]
}

/** The possible next words after these words of a command, to complete `word`. */
function expected(
  [name, ...rest]: readonly string[],
  word: string,
  { verbs }: CommandWords,
): Completes {
  const names = verbs.map((verb) => verb.name)
  if (name === undefined) return [...names, 'help']
  if (name === 'help') return [...names, ...VERB_GROUPS.map(({ keyword }) => keyword)]
  const verb = verbs.find((one) => one.name === name)
  if (verb === undefined) return []
  const value = valueBehind(verb, rest.at(-1))
  if (value !== undefined) return value
  if (word.startsWith('-'))
    return verb.options.flatMap(({ flags }) => flags.filter((flag) => flag.startsWith('--')))
  const given = rest.filter(
    (one, at) => !one.startsWith('-') && valueBehind(verb, rest[at - 1]) === undefined,
  )
  const place = verb.places[given.length] ?? (verb.repeats ? verb.places.at(-1) : undefined)
  return place?.value ?? []
}

/** How to complete the value of an option; `undefined` if the word is not an option, or takes no value. */
function valueBehind({ options }: VerbWords, word: string | undefined): Completes | undefined {
  return options.find(({ flags }) => word !== undefined && flags.includes(word))?.value
}

async function valuesOf(
  what: Completes,
  word: string,
  directories: DirectoryOptions,
): Promise<readonly string[]> {
  if (typeof what !== 'string') return what
  if (what === 'nothing') return []
  if (what === 'domains')
    return (await listDomains({ ...directories, all: true })).map(({ name }) => name)
  const files = await filesAt(word)
  return what === 'files' ? files : files.filter((one) => one.endsWith('/'))
}

async function filesAt(word: string): Promise<readonly string[]> {
  const directory = word.endsWith('/') ? word : dirname(word)
  const hidden = !word.endsWith('/') && basename(word).startsWith('.')
  const prefix = word.slice(0, word.lastIndexOf('/') + 1)
  const entries = await readdir(directory, { withFileTypes: true })
  return entries
    .filter((entry) => hidden || !entry.name.startsWith('.'))
    .map((entry) => `${prefix}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .toSorted()
}
