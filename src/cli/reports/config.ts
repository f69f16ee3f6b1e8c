import {
  type Configuration,
  type Origin,
  configurationFiles,
  describeOrigin,
} from '../../domain/configuration/configuration.ts'
import { SETTINGS } from '../../domain/configuration/settings.ts'
import { formatTable } from '../terminal/table.ts'
import type { Answer } from '../verb.ts'

/** A value as `config` shows it. */
interface Row {
  readonly key: string
  readonly value: unknown
  readonly origin: Origin | { readonly from: 'flag'; readonly flag: string }
}

/** The settings that options of the command line add. */
interface Flags {
  readonly allow: readonly string[]
  readonly network: Readonly<Record<string, string>>
  readonly metricsFile: string | undefined
}

/** Each value with its origin. A setting without a default of its own is shown only if it is set. */
export function configReport(configuration: Configuration, flags: Flags): Answer {
  const given = [...SETTINGS.flatMap(({ key }) => configuration.all(key).flatMap(rowsOf))]
  const rows = [...given, ...rowsOfFlags(flags)].toSorted(byPlace)
  const shown = rows.filter(({ value, origin }) => value !== undefined || origin.from !== 'default')
  const lines = shown.map(({ key, value, origin }) => [
    key,
    shownValue(value),
    origin.from === 'flag' ? origin.flag : describeOrigin(origin),
  ])
  const files = configurationFiles().map((path) => ({
    path,
    exists: configuration.files.includes(path),
  }))
  return {
    text: formatTable(['Setting', 'Value', 'From'], lines),
    json: {
      type: 'result',
      files,
      settings: rows.map(({ value, ...row }) => ({ ...row, value: value ?? null })),
    },
  }
}

function rowsOf({ key, value, origin }: Row & { readonly origin: Origin }): readonly Row[] {
  if (value instanceof Map)
    return [...(value as ReadonlyMap<string, unknown>)].map(([name, one]) => ({
      ...{ key: `${key}.${name}`, value: one, origin },
    }))
  if (Array.isArray(value)) return value.map((one: unknown) => ({ key, value: one, origin }))
  return [{ key, value, origin }]
}

function rowsOfFlags({ allow, network, metricsFile }: Flags): readonly Row[] {
  return [
    ...(metricsFile === undefined ? [] : [flagRow('metrics-file', metricsFile, '--metrics-file')]),
    ...allow.map((value) => flagRow('allow', value, '--allow')),
    ...Object.entries(network).map(([name, value]) =>
      flagRow(`networks.${name}`, value, '--network'),
    ),
  ]
}

function flagRow(key: string, value: unknown, flag: string): Row {
  return { key, value, origin: { from: 'flag', flag } }
}

/** Settings without a table come first; those of a table stay together. */
function byPlace(a: Row, b: Row): number {
  return placeOf(a.key) - placeOf(b.key)
}

function placeOf(key: string): number {
  return SETTINGS.findIndex((one) => key === one.key || key.startsWith(`${one.key}.`))
}

function shownValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
