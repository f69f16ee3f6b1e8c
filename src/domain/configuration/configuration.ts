import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { StorageError, UsageError } from '../../errors.ts'
import { readTrustedText } from '../../io/files/trusted-file.ts'
import { parseConfiguration } from './parse-configuration.ts'
import {
  type ConfiguredVerb,
  SETTINGS,
  type Setting,
  TABLES_OF_VERB,
  variableOf,
} from './settings.ts'

/** Where a value comes from. */
export type Origin =
  | { readonly from: 'default' }
  | { readonly from: 'file'; readonly path: string; readonly line: number }
  | { readonly from: 'environment'; readonly variable: string }

/** The value of a setting; `undefined` where it depends on the case. */
export interface SettingValue {
  readonly key: string
  readonly value: unknown
  readonly origin: Origin
}

/** When a command runs in a guest. */
export type GuestCommandTime = 'before-save' | 'after-restore'

/** A command that runs in a guest. */
export interface GuestCommand {
  readonly when: GuestCommandTime
  /** The program and its arguments. */
  readonly command: readonly string[]
  /** It is for every guest that has an agent, and not for this one in particular. */
  readonly isForAll: boolean
  readonly timeLimitMs: number
}

/** Stands for every guest that has no command of its own. */
const EVERY_GUEST = '*'

/** The environment that a configuration depends on: by default that of this process. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A configuration is written by hand, so it is short. */
const MAX_BYTES = 64 * 1024

const SYSTEM_DIRECTORY = '/etc/stasis'
const NAME = 'stasis.toml'

/** The files of the configuration; the later ones win. `STASIS_CONFIG` names one that takes the place of all. */
export function configurationFiles(env: Environment = process.env): readonly string[] {
  const given = env['STASIS_CONFIG']
  if (given !== undefined && given !== '') return [given]
  return [join(SYSTEM_DIRECTORY, NAME), join(userDirectory(env), NAME)]
}

/** The directories of hooks if none are set. */
function hookDirectories(env: Environment): readonly string[] {
  return [SYSTEM_DIRECTORY, userDirectory(env)].map((directory) => join(directory, 'hooks.d'))
}

/** The directory of the user's own configuration. */
function userDirectory(env: Environment): string {
  const given = env['XDG_CONFIG_HOME'] ?? ''
  const home = isAbsolute(given) ? given : join(env['HOME'] || homedir(), '.config')
  return join(home, 'stasis')
}

/** The settings of the files and the environment. */
export class Configuration {
  readonly #set: readonly SettingValue[]
  readonly #env: Environment
  /** The files that exist. */
  readonly files: readonly string[]

  private constructor(set: readonly SettingValue[], files: readonly string[], env: Environment) {
    this.#set = set
    this.#env = env
    this.files = files
  }

  /**
   * Reads the files and the environment.
   * @throws UsageError BAD_CONFIGURATION; StorageError UNSAFE_FILE and others
   */
  static async read(env: Environment = process.env): Promise<Configuration> {
    const set: SettingValue[] = []
    const files: string[] = []
    for (const path of configurationFiles(env)) {
      const text = path === '/dev/null' ? undefined : await readTrustedText(path, MAX_BYTES)
      if (text === undefined && path === env['STASIS_CONFIG'] && path !== '/dev/null')
        throw missing(path)
      if (text === undefined) continue
      files.push(path)
      for (const { setting, value, line } of await parseConfiguration(text, path))
        set.push({ key: setting.key, value, origin: { from: 'file', path, line } })
    }
    const given = SETTINGS.flatMap((one) => fromVariable(one, env))
    return new Configuration([...set, ...given], files, env)
  }

  /** Every value that a setting was given, the strongest last; the default alone if it was given none. */
  all(key: string): readonly SettingValue[] {
    const given = this.#set.filter((one) => one.key === key)
    if (given.length > 0) return given
    const fallback = SETTINGS.find((one) => one.key === key)?.fallback
    return [{ key, value: fallback, origin: { from: 'default' } }]
  }

  /** The value of a setting. */
  one(key: string): SettingValue | undefined {
    return this.all(key).at(-1)
  }

  /** The settings for a verb of the command line, by the name of the option. */
  forVerb(verb: ConfiguredVerb): ReadonlyMap<string, SettingValue> {
    const found = new Map<string, SettingValue>()
    for (const table of TABLES_OF_VERB[verb].toReversed())
      for (const { key } of SETTINGS.filter((one) => one.key.startsWith(`${table}.`))) {
        const value = this.one(key)
        if (value !== undefined && value.origin.from !== 'default')
          found.set(key.slice(table.length + 1), value)
      }
    return found
  }

  /** The permissions that were given, with their places. */
  get allow(): readonly { readonly rule: string; readonly where: string }[] {
    return this.all('allow').flatMap(({ value, origin }) =>
      (value as readonly string[]).map((rule) => ({ rule, where: describeOrigin(origin) })),
    )
  }

  /** The targets on this host for the networks of other hosts, by name, with their places. */
  get networks(): ReadonlyMap<string, { readonly target: string; readonly where: string }> {
    return new Map(
      this.all('networks').flatMap(({ value, origin }) =>
        [...(value as ReadonlyMap<string, string>)].map(
          ([name, target]) => [name, { target, where: describeOrigin(origin) }] as const,
        ),
      ),
    )
  }

  /** How long an entry of the journal is kept. */
  get keepDays(): number {
    return this.one('journal.keep-days')?.value as number
  }

  /** The hooks of this host. */
  get hooks(): {
    readonly directories: readonly string[]
    readonly programs: readonly string[]
    readonly timeLimitMs: number
  } {
    const given = this.one('hooks.directories')?.value as readonly string[] | undefined
    return {
      directories: given ?? hookDirectories(this.#env),
      programs: this.one('hooks.programs')?.value as readonly string[],
      timeLimitMs: (this.one('hooks.time-limit')?.value as number) * 1000,
    }
  }

  /** The command that the agent in the guest of `domain` runs at `when`: its own, or that of all guests. */
  guestCommand(when: GuestCommandTime, domain: string): GuestCommand | undefined {
    const commands = new Map(
      this.all(`agent.${when}`).flatMap(({ value }) => [
        ...(value as ReadonlyMap<string, readonly string[]>),
      ]),
    )
    const own = commands.get(domain)
    const command = own ?? commands.get(EVERY_GUEST)
    if (command === undefined) return undefined
    const timeLimitMs = (this.one('agent.time-limit')?.value as number) * 1000
    return { when, command, isForAll: own === undefined, timeLimitMs }
  }

  /** The file for Prometheus. */
  get metricsFile(): string | undefined {
    return this.one('metrics-file')?.value as string | undefined
  }

  /** The user of QEMU that was chosen. */
  get qemuUser(): { readonly name: string; readonly where: string } | undefined {
    const found = this.one('qemu-user')
    if (found?.value === undefined) return undefined
    return { name: found.value as string, where: describeOrigin(found.origin) }
  }
}

/** `/etc/stasis/stasis.toml:3`, `STASIS_ALLOW` or `default`. */
export function describeOrigin(origin: Origin): string {
  if (origin.from === 'file') return `${origin.path}:${origin.line}`
  return origin.from === 'environment' ? origin.variable : 'default'
}

/** A file that was named must exist. */
function missing(path: string): StorageError {
  return new StorageError('FILE_NOT_FOUND', `There is no configuration ${path}`, {
    operation: 'read the configuration',
    path,
    hint: 'STASIS_CONFIG names it',
  })
}

function fromVariable(setting: Setting, env: Environment): readonly SettingValue[] {
  const variable = variableOf(setting)
  const text = env[variable] ?? ''
  if (text.trim() === '') return []
  const value = setting.kind.readText(text.trim())
  if (value !== undefined)
    return [{ key: setting.key, value, origin: { from: 'environment', variable } }]
  throw new UsageError('BAD_CONFIGURATION', `${variable} must be ${setting.kind.wanted}`, {
    operation: 'read the configuration',
  })
}
