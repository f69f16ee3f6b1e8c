import { readlink, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { UsageError } from '../../errors.ts'
import { Configuration, type Environment } from '../configuration/configuration.ts'
import type { Reach, ReachKind } from './reach.ts'

/**
 * A permission: `path:/srv/vm` allows that file, or everything in that directory; `emulator:` and `script:` likewise for programs. `listen:` and `connect:`
 * take an address, with or without a port. `network:` takes the name of a bridge, a switch or another network device. `*` means every value. `everything` allows all, a
 * recorded command line too.
 */
export type AllowRule = 'everything' | `${Exclude<ReachKind, 'command'>}:${string}`

/** Permissions that an operation adds to those of the configuration. */
export interface AllowOptions {
  /** Further parts of this host that the machine may use. */
  readonly allow?: readonly AllowRule[] | undefined
}

const KINDS = ['emulator', 'path', 'script', 'listen', 'connect', 'network', 'secret', 'arguments']
/** As many as Linux follows. */
const MAX_LINKS = 40

/** They may be allowed without a port. */
const ADDRESSES: readonly ReachKind[] = ['listen', 'connect']
const PATHS: readonly ReachKind[] = ['emulator', 'path', 'script']

/** Whether the permissions of a caller cover a reach. */
export type Allows = (reach: Reach) => Promise<boolean>

/**
 * The permissions of an operation and of the configuration (its files, and `STASIS_ALLOW`). A network that the configuration names is allowed. Paths are
 * compared without their symbolic links.
 * @throws UsageError BAD_ARGUMENT for a text that is not a permission; errors of `Configuration.read`
 */
export async function allows(
  { allow }: AllowOptions,
  env: Environment = process.env,
): Promise<Allows> {
  const given: unknown = allow ?? []
  if (!Array.isArray(given) || given.some((one) => typeof one !== 'string'))
    throw new UsageError('BAD_ARGUMENT', 'allow must be an array of strings')
  const configuration = await Configuration.read(env)
  const rules = [
    ...(given as readonly string[]).map((text) => parseRule(text, 'allow')),
    ...configuration.allow.map(({ rule, where }) => parseRule(rule, where)),
    ...[...configuration.networks.keys()].map((value) => ({ kind: 'network', value })),
  ]
  return async (reach) => {
    for (const rule of rules) if (await covers(rule, reach)) return true
    return false
  }
}

/** Checks a permission; `where` it was given is for messages. @throws UsageError BAD_ARGUMENT */
export function checkAllowRule(text: string, where = '--allow'): AllowRule {
  parseRule(text, where)
  return text as AllowRule
}

/** The permission for exactly this; `undefined` for a command line, which only `everything` allows. */
export function ruleFor({ kind, value }: Reach): AllowRule | undefined {
  return kind === 'command' ? undefined : `${kind}:${value.replace(/:any$/, '')}`
}

interface Rule {
  readonly kind: string
  readonly value: string
}

function parseRule(text: string, where: string): Rule {
  if (text === 'everything') return { kind: text, value: '' }
  const [, kind = '', value = ''] = /^(\w+):(.+)$/.exec(text) ?? []
  if (!KINDS.includes(kind))
    throw new UsageError('BAD_ARGUMENT', `${where}: "${text}" is not a valid permission`, {
      hint: `Write everything, or KIND:VALUE; the kinds are ${KINDS.join(', ')}`,
    })
  if (value !== '*' && PATHS.includes(kind as ReachKind) && !isAbsolute(value))
    throw new UsageError('BAD_ARGUMENT', `${where}: the path in "${text}" must be absolute`)
  return { kind, value }
}

async function covers({ kind, value }: Rule, reach: Reach): Promise<boolean> {
  if (kind === 'everything') return true
  if (kind !== reach.kind) return false
  if (value === '*' || value === reach.value) return true
  if (ADDRESSES.includes(reach.kind)) return value === reach.value.replace(/:[^:]*$/, '')
  if (!PATHS.includes(reach.kind)) return false
  // QEMU runs in another directory, where the same name is another file.
  if (!isAbsolute(reach.value)) return false
  const [allowed, asked] = [await realPath(value), await realPath(reach.value)]
  return asked === allowed || asked.startsWith(allowed.endsWith('/') ? allowed : `${allowed}/`)
}

/** A path without symbolic links, also of a file that does not exist: a program that creates it follows a link that leads to nothing. */
async function realPath(path: string, links = 0): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const parent = dirname(path)
    if (parent === path) return path
    const target = await readlink(path).catch(() => undefined)
    if (target !== undefined && links < MAX_LINKS)
      return realPath(resolve(parent, target), links + 1)
    return join(await realPath(parent, links), basename(path))
  }
}
