import { findEntry, lastEndOf } from '../catalogue/catalogue.ts'
import { openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import type { DomainState } from '../machine/domain-state.ts'
import { readJob } from '../store/job-record.ts'
import { stateOf } from './list.ts'
import { queryRunState } from '../catalogue/run-state.ts'
import { isAlive } from '../../qemu/process-identity.ts'

/** The state of a domain, and the reason for it. */
export interface StateWithReason {
  readonly name: string
  readonly state: DomainState
  /** In virsh's words where it has one: `booted`, `restored`, `user`, `saving`, `shutdown`, `destroyed`, `crashed`, `saved`, … */
  readonly reason: string
  /** When it ended, ISO 8601. */
  readonly since?: string
  /** The last lines that its QEMU wrote, if it crashed, or if a signal ended it. */
  readonly lastLines?: string
  /** The image that it was saved to. */
  readonly image?: string
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
  options: DomainOptions = {},
): Promise<StateWithReason> {
  const entry = await findEntry(await openDirectories(options), reference)
  const { name, paths, record } = entry
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
  const job = await readJob(paths.job)
  const busy = job !== undefined && (await isAlive(job.process))
  const state = await stateOf(entry, options.signal)
  if (busy) return { name, state, reason: job.operation === 'restore' ? 'restoring' : 'saving' }
  if (state === 'running' && record.continuedAt !== undefined)
    return { name, state, reason: 'save canceled' }
  if (state === 'running')
    return { name, state, reason: record.restoredFrom === undefined ? 'booted' : 'restored' }
  if (state !== 'paused') return { name, state, reason: 'unknown' }
  if (record.interrupted === true) return { name, state, reason: 'save interrupted' }
  const status = await queryRunState(paths, options.signal)
  return { name, state, reason: PAUSED[status ?? ''] ?? 'user' }
}

const PAUSED: Readonly<Record<string, string>> = {
  'io-error': 'I/O error',
  watchdog: 'watchdog',
  prelaunch: 'starting up',
  postmigrate: 'save interrupted',
  'guest-panicked': 'crashed',
  debug: 'debug',
}
