import { type Fields, fieldsOf, parseJson } from '../../io/records/record-file.ts'

/** Acts that the journal keeps. */
export type JournalAct =
  | 'save'
  | 'managedsave'
  | 'restore'
  | 'start'
  | 'destroy'
  | 'image-convert'
  | 'host-save'
  | 'host-resume'
  | 'checkpoint'
  | 'checkpoint-revert'
  | 'checkpoint-delete'

/** An act that was done, or tried, as the journal keeps it. */
export interface JournalEntry {
  readonly act: JournalAct
  /** The act on several domains that it was a part of. */
  readonly during?: 'host-save' | 'host-resume' | undefined
  /** When it ended, ISO 8601. */
  readonly time: string
  readonly durationMs: number
  /** `failed` and `cancelled`: the guest is as it was before. */
  readonly outcome: 'completed' | 'failed' | 'cancelled'
  /** The code of the error, see the error tree. `KILLED`: the process was killed, and another one has finished or undone its act. */
  readonly code?: string | undefined
  readonly error?: string | undefined
  readonly domain?: string | undefined
  readonly uuid?: string | undefined
  /** The image that was written or read. */
  readonly image?: string | undefined
  readonly format?: string | undefined
  /** The length of the files of a written image. */
  readonly fileBytes?: number | undefined
  readonly memoryBytes?: number | undefined
  /** How long the guest of a save was stopped. */
  readonly downtimeMs?: number | undefined
  /** How memory came back: `map`, `lazy` or `load`. `boot`: it did not. `live`: the guest of a save continued. */
  readonly mode?: string | undefined
  /** Of acts on several domains: how many were saved or started, and how many were not. */
  readonly domains?: { readonly done: number; readonly failed: number } | undefined
  /** Commands that the agent in the guest ran for it. */
  readonly guestCommands?: readonly GuestCommandResult[] | undefined
  readonly by: JournalAuthor
}

/** How a command in a guest ended. */
export interface GuestCommandResult {
  readonly when: string
  readonly command: readonly string[]
  /** The exit code, or in words how it ended otherwise. */
  readonly status: number | string
  /** The last 4096 characters of both of its outputs. */
  readonly output: string
}

/** Whose process did it. */
export interface JournalAuthor {
  readonly pid: number
  readonly uid: number
  /** Who became root with sudo for it. */
  readonly sudoUser?: string | undefined
}

/** The newest version of an entry that this Stasis writes and reads. */
const VERSION = 1

/** A line of the journal. */
export function entryLine(entry: JournalEntry): string {
  return JSON.stringify({ version: VERSION, ...entry })
}

/** The entry in a line; `undefined` if it cannot be read. Entries of a later Stasis are read as far as they are the same. */
export function parseEntry(line: string): JournalEntry | undefined {
  const fields = fieldsOf(parseJson(line))
  if (fields === undefined) return undefined
  const { version, ...entry } = fields
  return typeof version === 'number' && isEntry(entry)
    ? (entry as unknown as JournalEntry)
    : undefined
}

const ACTS: Readonly<Record<JournalAct, true>> = {
  save: true,
  managedsave: true,
  restore: true,
  start: true,
  destroy: true,
  'image-convert': true,
  'host-save': true,
  'host-resume': true,
  checkpoint: true,
  'checkpoint-revert': true,
  'checkpoint-delete': true,
}

const OUTCOMES: readonly unknown[] = ['completed', 'failed', 'cancelled']
const TEXTS = ['code', 'error', 'domain', 'uuid', 'image', 'format', 'mode', 'during']
const NUMBERS = ['fileBytes', 'memoryBytes', 'downtimeMs']

function isEntry(entry: Fields): boolean {
  const { act, time, durationMs, outcome, by, domains, guestCommands } = entry
  const author = fieldsOf(by)
  const counts = fieldsOf(domains)
  return (
    typeof act === 'string' &&
    Object.hasOwn(ACTS, act) &&
    typeof time === 'string' &&
    !Number.isNaN(Date.parse(time)) &&
    isNumber(durationMs) &&
    OUTCOMES.includes(outcome) &&
    TEXTS.every((name) => entry[name] === undefined || typeof entry[name] === 'string') &&
    NUMBERS.every((name) => entry[name] === undefined || isNumber(entry[name])) &&
    author !== undefined &&
    isNumber(author['pid']) &&
    isNumber(author['uid']) &&
    (author['sudoUser'] === undefined || typeof author['sudoUser'] === 'string') &&
    (domains === undefined || [counts?.['done'], counts?.['failed']].every(isNumber)) &&
    (guestCommands === undefined ||
      (Array.isArray(guestCommands) && guestCommands.every(isGuestCommand)))
  )
}

function isGuestCommand(value: unknown): boolean {
  const { when, command, status, output } = fieldsOf(value) ?? {}
  return (
    [when, output].every((text) => typeof text === 'string') &&
    Array.isArray(command) &&
    command.every((word) => typeof word === 'string') &&
    (typeof status === 'string' || isNumber(status))
  )
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value)
}
