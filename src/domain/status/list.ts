import { CancelledError, StasisError } from '../../errors.ts'
import { type DomainEntry, listEntries, uuidOf } from '../catalogue/catalogue.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { isAutostarted } from '../catalogue/autostart.ts'
import { type DomainState, stateOfRunState } from '../machine/domain-state.ts'
import { postcopyState } from '../store/postcopy-state.ts'
import { hasUsableManagedSave } from '../store/managed-image.ts'
import { queryRunState } from '../machine/monitor.ts'

/** One entry of the list of domains. */
export interface DomainSummary {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU while it runs. */
  readonly id: number | undefined
  readonly state: DomainState
  /** Whether it is defined, and so remains when its QEMU ends. */
  readonly persistent: boolean
  /** Whether it has a managed save, from which its next start resumes. */
  readonly managedSave: boolean
  /** Whether it starts with the host. */
  readonly autostart: boolean
  /** Why the state is `unknown`. */
  readonly fault?: StasisError
}

/** Which domains to list. */
export interface ListOptions extends DomainOptions {
  /** Also those that are not running. */
  readonly all?: boolean | undefined
  /** Only those with a managed save, or only those without. */
  readonly managedSave?: boolean | undefined
  /** Only those that start with the host, or only those that do not. */
  readonly autostart?: boolean | undefined
}

/**
 * The running domains, or all of them. Running domains come first; both parts are sorted by name. A domain whose state is unreadable may be
 * running: it is always listed, with the state `unknown`.
 * @throws StorageError
 * @example
 * for (const { name, id, state } of await listDomains({ all: true })) console.log(name, id, state)
 */
export async function listDomains(options: ListOptions = {}): Promise<readonly DomainSummary[]> {
  const directories = await openDirectories(options)
  const entries = await listEntries(directories)
  const wanted = entries.filter(
    ({ record, fault }) => record !== undefined || fault !== undefined || options.all === true,
  )
  const summaries = await Promise.all(
    wanted.map((entry) => summarise(directories, entry, options.signal)),
  )
  const asked = summaries.filter(
    ({ managedSave, autostart, fault }) =>
      fault !== undefined ||
      (managedSave === (options.managedSave ?? managedSave) &&
        autostart === (options.autostart ?? autostart)),
  )
  return [
    ...asked.filter(({ id }) => id !== undefined),
    ...asked.filter(({ id }) => id === undefined),
  ]
}

async function summarise(
  directories: Directories,
  entry: DomainEntry,
  signal: AbortSignal | undefined,
): Promise<DomainSummary> {
  const { name, record, persistent } = entry
  try {
    if (entry.fault !== undefined) throw entry.fault
    return {
      name,
      uuid: await uuidOf(directories, entry),
      id: record?.pid,
      state: await stateOf(entry, signal),
      persistent,
      managedSave: await hasUsableManagedSave(entry),
      autostart: await isAutostarted(directories, name),
    }
  } catch (error) {
    if (!(error instanceof StasisError) || error instanceof CancelledError) throw error
    const facts = { uuid: '', id: record?.pid, managedSave: false, autostart: false }
    return { name, ...facts, state: 'unknown', persistent, fault: error }
  }
}

/** The present state of a domain. */
export async function stateOf(entry: DomainEntry, signal?: AbortSignal): Promise<DomainState> {
  if (entry.record === undefined) return 'shut off'
  // QEMU reports a guest as running even if a processor waits for a page that will never arrive.
  if ((await postcopyState(entry.paths))?.state === 'failed') return 'paused'
  const runState = await queryRunState(entry.paths, signal)
  return runState === undefined ? 'no state' : stateOfRunState(runState)
}
