import { type DomainEntry, findEntry, lastEndOf } from '../catalogue/catalogue.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import type { DomainState } from '../machine/domain-state.ts'
import { activeJob } from '../store/job-record.ts'
import { type PostcopyState, postcopyState } from '../store/postcopy-state.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'
import { hostOf } from '../ownership/elsewhere.ts'
import { stateOf } from './list.ts'
import { queryRunState } from '../catalogue/run-state.ts'
import { memoryWords } from './memory-words.ts'

/** The state of a domain, and the reason for it. */
export interface StateWithReason {
  readonly name: string
  readonly state: DomainState
  /** In virsh's words where it has one: `booted`, `restored`, `user`, `saving`, `shutdown`, `destroyed`, `crashed`, `saved`, … */
  readonly reason: string
  /** The host that has it, if the state is `elsewhere`. */
  readonly host?: string
  /** The id of that host. */
  readonly hostId?: string
  /** The generation in which that host took the domain. */
  readonly generation?: number
  /** When it ended, ISO 8601. */
  readonly since?: string
  /** The last lines that its QEMU wrote, if it crashed, or if a signal ended it. */
  readonly lastLines?: string
  /** The image that it was saved to. */
  readonly image?: string
  /** A lazy restore whose memory is still being loaded, or does not arrive. */
  readonly postcopy?: PostcopyState
}

/** How to determine a state. */
export interface StateOptions extends DomainOptions {
  /** Do not ask QEMU: `running` means that its process is there, also if the guest is paused. */
  readonly quick?: boolean | undefined
}

/**
 * The state of a domain, given by name, UUID or id, and the reason for it.
 * @throws DomainError DOMAIN_NOT_FOUND, StorageError
 * @example
 * const { state, reason } = await domainStateReason('web')
 * console.log(`${state} (${reason})`) // paused (save interrupted)
 */
export async function domainStateReason(
  reference: string,
  options: StateOptions = {},
): Promise<StateWithReason> {
  const entry = await findEntry(await openDirectories(options), reference)
  if (options.quick === true && entry.record !== undefined)
    return { name: entry.name, state: 'running', reason: 'unknown' }
  return stateReasonOf(entry, options.signal)
}

/** The state of a domain that was found, and the reason for it. @throws StorageError */
export async function stateReasonOf(
  entry: DomainEntry,
  signal: AbortSignal | undefined,
): Promise<StateWithReason> {
  const { name, paths, record, elsewhere } = entry
  if (elsewhere !== undefined) {
    const { host, verb } = elsewhere
    const reason = verb ?? `runs on host '${host}'`
    return { name, state: 'elsewhere', reason, ...hostOf(elsewhere) }
  }
  if (record === undefined) {
    const end = await lastEndOf(entry)
    return {
      name,
      state: 'shut off',
      reason: end?.reason ?? 'unknown',
      ...(end !== undefined && { since: end.time }),
      ...(end?.lastLines !== undefined && { lastLines: end.lastLines }),
      ...(end?.image !== undefined && { image: end.image }),
    }
  }
  const job = await activeJob(paths)
  const postcopy = await postcopyState(paths)
  const state = await stateOf(entry, postcopy, signal)
  if (job !== undefined)
    return { name, state, reason: job.operation === 'restore' ? 'restoring' : 'saving' }
  if (postcopy !== undefined) {
    const found = { name, state, postcopy } as const
    if (state === 'memory lost') return { ...found, reason: 'image gone' }
    if (state === 'running' || postcopy.state !== 'filling')
      return { ...found, reason: memoryWords(postcopy) }
    return { ...found, reason: await pausedReason(paths, record, signal) }
  }
  if (state === 'running' && record.continuedAt !== undefined)
    return { name, state, reason: 'save canceled' }
  if (state === 'running')
    return { name, state, reason: record.restoredFrom === undefined ? 'booted' : 'restored' }
  if (state !== 'paused') return { name, state, reason: 'unknown' }
  return { name, state, reason: await pausedReason(paths, record, signal) }
}

async function pausedReason(
  paths: RuntimePaths,
  record: RuntimeRecord,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (record.interrupted === true) return 'save interrupted'
  const status = await queryRunState(paths, signal)
  return PAUSED[status ?? ''] ?? 'user'
}

const PAUSED: Readonly<Record<string, string>> = {
  'io-error': 'I/O error',
  watchdog: 'watchdog',
  prelaunch: 'starting up',
  postmigrate: 'save interrupted',
  'guest-panicked': 'crashed',
  debug: 'debug',
}
