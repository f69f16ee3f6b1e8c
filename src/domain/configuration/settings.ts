import { COMPRESSIONS } from '../../image/compression.ts'
import { DEFAULT_FORMAT, SAVE_FORMATS } from '../../image/format-table.ts'
import {
  FLAG,
  LEVEL,
  NAMED_COMMANDS,
  NAMED_TEXTS,
  PATH,
  RATE,
  TEXT,
  type ValueKind,
  choice,
  listOf,
  wholeNumber,
} from './value-kind.ts'

/** Something that a configuration can set. */
export interface Setting {
  /** Its place in the file: `save.format` is `format` in the table `[save]`. */
  readonly key: string
  readonly kind: ValueKind
  /** Its value if nothing sets it; `undefined`: it depends on the case. */
  readonly fallback?: unknown
}

const CHANNELS = wholeNumber(1, 64)

/** The defaults of the options for the format of an image. */
const FORMAT: readonly Setting[] = [
  { key: 'format', kind: choice(SAVE_FORMATS), fallback: DEFAULT_FORMAT },
  { key: 'compression', kind: choice(COMPRESSIONS) },
  { key: 'compression-level', kind: LEVEL, fallback: 'adaptive' },
  { key: 'channels', kind: CHANNELS, fallback: 2 },
  { key: 'bypass-cache', kind: FLAG },
  { key: 'digest', kind: FLAG, fallback: false },
]

const SAVE: readonly Setting[] = [
  ...FORMAT,
  { key: 'max-bandwidth', kind: RATE },
  { key: 'quiesce', kind: FLAG, fallback: false },
]

const RESTORE: readonly Setting[] = [
  { key: 'mode', kind: choice(['auto', 'map', 'lazy', 'load']), fallback: 'auto' },
  { key: 'channels', kind: CHANNELS },
  { key: 'bypass-cache', kind: FLAG },
  { key: 'sync-time', kind: FLAG, fallback: false },
  { key: 'allow-link-down', kind: FLAG, fallback: false },
  { key: 'ignore-unsupported', kind: FLAG, fallback: false },
]

/** A verb with defaults in the configuration. */
export type ConfiguredVerb =
  | 'save'
  | 'managedsave'
  | 'host-save'
  | 'restore'
  | 'start'
  | 'host-resume'
  | 'image-convert'

/** The tables of a verb of the command line: its own, and the tables whose settings it takes where its own has none. */
export const TABLES_OF_VERB: Readonly<Record<ConfiguredVerb, readonly ConfiguredVerb[]>> = {
  save: ['save'],
  managedsave: ['managedsave', 'save'],
  'host-save': ['host-save', 'managedsave', 'save'],
  restore: ['restore'],
  start: ['start', 'restore'],
  'host-resume': ['host-resume', 'start', 'restore'],
  'image-convert': ['image-convert'],
}

const TABLES: Readonly<Record<ConfiguredVerb, readonly Setting[]>> = {
  save: SAVE,
  managedsave: SAVE.map(inherited),
  'host-save': [
    ...SAVE.map(inherited),
    { key: 'parallel-domains', kind: CHANNELS, fallback: 2 },
    { key: 'time-limit', kind: wholeNumber(1, 86_400) },
  ],
  restore: RESTORE,
  start: RESTORE.map(inherited),
  'host-resume': [
    ...RESTORE.map(inherited),
    { key: 'parallel-domains', kind: CHANNELS, fallback: 2 },
    { key: 'autostart', kind: FLAG, fallback: false },
  ],
  'image-convert': FORMAT,
}

/** It comes from the table before it. */
function inherited({ key, kind }: Setting): Setting {
  return { key, kind }
}

/** The settings of the journal and of hooks. */
const BESIDE: readonly Setting[] = [
  { key: 'journal.keep-days', kind: wholeNumber(0, 36_500), fallback: 90 },
  { key: 'hooks.directories', kind: listOf(PATH, ':') },
  { key: 'hooks.programs', kind: listOf(PATH, ':'), fallback: [] },
  { key: 'hooks.time-limit', kind: wholeNumber(1, 3600), fallback: 30 },
  { key: 'agent.before-save', kind: NAMED_COMMANDS, fallback: new Map() },
  { key: 'agent.after-restore', kind: NAMED_COMMANDS, fallback: new Map() },
  { key: 'agent.time-limit', kind: wholeNumber(1, 3600), fallback: 30 },
]

/** Everything that a configuration can set. */
export const SETTINGS: readonly Setting[] = [
  { key: 'allow', kind: listOf(TEXT, ','), fallback: [] },
  { key: 'networks', kind: NAMED_TEXTS, fallback: new Map() },
  { key: 'qemu-user', kind: TEXT },
  { key: 'metrics-file', kind: PATH },
  ...BESIDE,
  ...Object.entries(TABLES).flatMap(([table, settings]) =>
    settings.map((setting) => ({ ...setting, key: `${table}.${setting.key}` })),
  ),
]

/** The environment variable that sets it: `STASIS_SAVE_FORMAT` for `save.format`. */
export function variableOf({ key }: Setting): string {
  return `STASIS_${key.toUpperCase().replaceAll(/[.-]/g, '_')}`
}
