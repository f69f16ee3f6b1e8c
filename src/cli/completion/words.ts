import type { Command, Option } from 'commander'

/** The completions at one place of a command line: one of some words, names of domains, paths, or nothing. */
export type Completes = readonly string[] | 'domains' | 'files' | 'directories' | 'nothing'

/** An option, as a shell sees it. */
export interface OptionWords {
  /** `--paused`, and `-q` where it has a short name. */
  readonly flags: readonly string[]
  readonly summary: string
  /** The kind of its value; `undefined` if it takes none. */
  readonly value: Completes | undefined
}

/** A verb, as a shell sees it. */
export interface VerbWords {
  readonly name: string
  readonly summary: string
  readonly options: readonly OptionWords[]
  /** One for each argument. */
  readonly places: readonly { readonly name: string; readonly value: Completes }[]
  /** Whether the last argument may be repeated. */
  readonly repeats: boolean
}

/** The whole command line, as a shell sees it. */
export interface CommandWords {
  readonly options: readonly OptionWords[]
  readonly verbs: readonly VerbWords[]
}

/** The command line with all its verbs declared, as data for the completion of a shell. */
export function wordsOf(program: Command): CommandWords {
  return {
    options: [...program.options.map(optionWords), HELP],
    verbs: program.commands.map((command) => ({
      name: command.name(),
      summary: command.summary(),
      options: command.options.map(optionWords),
      places: command.registeredArguments.map((argument) => ({
        name: argument.name(),
        value: argument.argChoices ?? valueNamed(argument.name()),
      })),
      repeats: command.registeredArguments.at(-1)?.variadic === true,
    })),
  }
}

const HELP: OptionWords = { flags: ['--help', '-h'], summary: 'show help', value: undefined }

function optionWords({
  long,
  short,
  flags,
  description,
  argChoices,
  required,
}: Option): OptionWords {
  const [, value] = /<([^>.]+)/.exec(flags) ?? []
  return {
    flags: [long, short].filter((flag) => typeof flag === 'string'),
    // The options that stand for arguments have none.
    summary: description === '' ? `the argument ${value}` : description,
    value: required ? (argChoices ?? valueOf(long ?? '', value ?? '')) : undefined,
  }
}

function valueOf(long: string, value: string): Completes {
  if (long === '--connect') return ['qemu:///system', 'qemu:///session']
  return long === '--domain' ? 'domains' : valueNamed(value)
}

/** The names of arguments and values say their kind. */
const VALUES: Readonly<Record<string, Completes>> = {
  ...{ domain: 'domains', dir: 'directories', directory: 'directories' },
  ...{ file: 'files', xml: 'files', in: 'files', out: 'files', socket: 'files' },
}

function valueNamed(name: string): Completes {
  return VALUES[name] ?? 'nothing'
}
