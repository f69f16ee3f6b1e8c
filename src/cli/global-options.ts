import { type Command, InvalidArgumentError } from 'commander'
import {
  type Connection,
  type DirectoryOptions,
  directoriesOfConnection,
} from '../domain/store/directories.ts'
import type { DomainOptions } from '../domain/store/domain-options.ts'
import { UsageError } from '../errors.ts'
import { connectionOf } from './options/connection.ts'
import { integerBetween } from './options/option-values.ts'
import { indexOfVerb } from './verb-in.ts'

/** The options of every verb, with commander's names. */
export interface GlobalFlags {
  readonly stateDir?: string
  readonly json?: boolean
  readonly connect?: Connection
  readonly quiet?: boolean
  readonly readonly?: boolean
  readonly timing?: boolean
  readonly escape?: number
  readonly log?: string
  readonly metricsFile?: string
}

const IGNORED = 'accepted and ignored: there is no connection'

/** Adds the options of every verb. Those with short names are virsh's. */
export function declareGlobalOptions(program: Command): Command {
  return program
    .option('--state-dir <dir>', 'where domains are kept (or set STASIS_STATE_DIR)')
    .option('--json', 'answer in JSON, for programs')
    .option(
      '-c, --connect <uri>',
      "qemu:///system: the domains of root; qemu:///session: this user's",
      connectionOf,
    )
    .option('-q, --quiet', 'show no headings, no progress, and nothing when all went well')
    .option('-r, --readonly', 'refuse verbs that change something')
    .option('-t, --timing', 'show how long each command took')
    .option('-e, --escape <char>', 'the key that leaves a console (default: ^])', escapeKey)
    .option('-l, --log <file>', 'also append errors to this file')
    .option('-k, --keepalive-interval <n>', IGNORED, integerBetween(0, 2 ** 31 - 1))
    .option('-K, --keepalive-count <n>', IGNORED, integerBetween(0, 2 ** 31 - 1))
    .option(
      '-d, --debug <n>',
      'accepted and ignored (STASIS_DEBUG=1 shows more)',
      integerBetween(0, 4),
    )
    .option(
      '--metrics-file <file>',
      "write a file for Prometheus' node exporter after a save, restore, start, end or conversion",
    )
    .option('-v, --version', 'show the version of Stasis')
    .option('-V', 'show the versions of Stasis, Node and QEMU')
}

/** What the options choose for every operation: its directories, and the file for metrics. @throws UsageError BAD_COMBINATION */
export function directoriesOf(flags: GlobalFlags): DomainOptions {
  const { metricsFile } = flags
  return { ...chosenDirectories(flags), ...(metricsFile !== undefined && { metricsFile }) }
}

function chosenDirectories({ stateDir, connect }: GlobalFlags): DirectoryOptions {
  if (connect === undefined) return stateDir === undefined ? {} : { stateDir }
  if (stateDir === undefined) return directoriesOfConnection(connect)
  throw new UsageError(
    'BAD_COMBINATION',
    '--connect and --state-dir both choose the directory of domains: give one',
  )
}

/** The command line with verbs in place of `-v`, `-V` and `--version`, and of `help VERB`, which shows what `VERB --help` shows. */
export function withVerb(argv: readonly string[]): readonly string[] {
  const at = indexOfVerb(argv)
  const before = at < 0 ? argv : argv.slice(0, at)
  const asked = before.find((argument) => /^(?:-[qrt]*[vV]|--version(?:=.*)?)$/.test(argument))
  if (asked !== undefined) {
    const others = before.filter((argument) => argument !== asked)
    const long = asked.endsWith('V') || asked === '--version=long'
    return [...others, 'version', ...(long ? [] : ['--short'])]
  }
  return argv[at] === 'help' ? [...before, ...argv.slice(at + 1, at + 2), '--help'] : argv
}

/** The byte of a key: a letter, or `^` and a letter for Ctrl with it. */
function escapeKey(text: string): number {
  const [, key = ''] = /^\^([@-_a-z])$/.exec(text) ?? []
  if (key !== '') return key.toUpperCase().charCodeAt(0) & 0x1f
  const [first] = Buffer.from(text)
  if (first === undefined) throw new InvalidArgumentError('It must be a key, such as ^].')
  return first
}
