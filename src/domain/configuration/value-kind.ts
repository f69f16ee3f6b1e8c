import { isAbsolute } from 'node:path'

/** A kind of value in the configuration. `read` and `readText` return `undefined` for a wrong value. */
export interface ValueKind {
  /** The accepted values: `a whole number from 1 to 64`. */
  readonly wanted: string
  /** A value as TOML has it. */
  readonly read: (value: unknown) => unknown
  /** A value as an environment variable has it. */
  readonly readText: (text: string) => unknown
}

/** A text that a caller checks. */
export const TEXT: ValueKind = {
  wanted: 'a text',
  read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
  readText: (text) => text,
}

export const FLAG: ValueKind = {
  wanted: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
  readText: (text) => WORDS[text.toLowerCase()],
}

const WORDS: Readonly<Record<string, boolean>> = {
  ...{ 1: true, true: true, yes: true, on: true },
  ...{ 0: false, false: false, no: false, off: false },
}

export const PATH: ValueKind = {
  wanted: 'an absolute path',
  read: absolutePath,
  readText: absolutePath,
}

/** Bytes per second. */
export const RATE: ValueKind = {
  wanted: 'bytes per second, at least 1K: a whole number, then optionally K, M or G in quotes',
  read: (value) => rate(typeof value === 'number' ? String(value) : value),
  readText: rate,
}

/** A compression level. The compression has its own limits. */
export const LEVEL: ValueKind = {
  wanted: 'a whole number or "adaptive"',
  read: (value) => (value === 'adaptive' ? value : whole(value, -999, 999)),
  readText: (text) => (text === 'adaptive' ? text : whole(numberOf(text), -999, 999)),
}

export function wholeNumber(least: number, most: number): ValueKind {
  return {
    wanted: `a whole number from ${least} to ${most}`,
    read: (value) => whole(value, least, most),
    readText: (text) => whole(numberOf(text), least, most),
  }
}

export function choice(values: readonly string[]): ValueKind {
  const one = (value: unknown): unknown => values.find((each) => each === value)
  return { wanted: `one of ${values.join(', ')}`, read: one, readText: one }
}

/** A list; as a variable, separated by `separator`. */
export function listOf(kind: ValueKind, separator: string): ValueKind {
  const all = (values: readonly unknown[] | undefined): unknown =>
    values?.some((value) => value === undefined) === true ? undefined : values
  return {
    wanted: `a list, each ${kind.wanted}`,
    read: (value) => (Array.isArray(value) ? all(value.map(kind.read)) : undefined),
    readText: (text) => all(partsOf(text, separator).map(kind.readText)),
  }
}

/** A table whose keys are names that others chose; as a variable, `NAME=TEXT` separated by commas. */
export const NAMED_TEXTS: ValueKind = {
  wanted: 'a table of texts',
  read: (value) => namedValues(value, (text) => typeof text === 'string'),
  readText: (text) => namedParts(text, /^(.+)=([^=]+)$/, (value) => value),
}

/** A table of commands, each a list of a program and its arguments; as a variable, `NAME=PROGRAM ARGUMENT` separated by commas. */
export const NAMED_COMMANDS: ValueKind = {
  wanted: 'a table of commands, each a list of a program and its arguments',
  read: (value) => namedValues(value, isCommand),
  readText: (text) => namedParts(text, /^([^=]+)=(.+)$/, (value) => partsOf(value, ' ')),
}

function namedValues(value: unknown, fits: (one: unknown) => boolean): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const pairs: readonly [string, unknown][] = Object.entries(value)
  return pairs.every(([, one]) => fits(one)) ? new Map(pairs) : undefined
}

function namedParts(text: string, form: RegExp, read: (value: string) => unknown): unknown {
  const pairs = partsOf(text, ',').map((part) => form.exec(part))
  if (pairs.includes(null)) return undefined
  return new Map(pairs.map((pair) => [(pair?.[1] ?? '').trim(), read(pair?.[2] ?? '')]))
}

function isCommand(value: unknown): boolean {
  const isWord = (word: unknown): boolean => typeof word === 'string' && !word.includes('\0')
  return Array.isArray(value) && value.every(isWord) && (value[0] ?? '') !== ''
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }

function rate(value: unknown): number | undefined {
  const [, digits = '', unit = ''] =
    typeof value === 'string' ? (/^([1-9]\d{0,15})([KMG]?)$/i.exec(value) ?? []) : []
  return whole(Number(digits) * (UNITS[unit.toUpperCase()] ?? 0), 1024, 1024 ** 4)
}

function absolutePath(value: unknown): string | undefined {
  const isPath = typeof value === 'string' && isAbsolute(value) && !value.includes('\0')
  return isPath ? value : undefined
}

function whole(value: unknown, least: number, most: number): number | undefined {
  const fits = Number.isInteger(value) && Number(value) >= least && Number(value) <= most
  return fits ? Number(value) : undefined
}

function numberOf(text: string): number {
  return /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
}

function partsOf(text: string, separator: string): readonly string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
