import { type DomainEntry, listEntries, uuidOf } from './catalogue.ts'
import { type Directories, resolveDirectories } from './directories.ts'
import type { DomainOptions } from './domain-options.ts'
import { type DomainState, stateOfRunState } from './domain-state.ts'
import { fillState } from './fill-state.ts'
import { askRunState } from './monitor.ts'

/** One line of the list of domains. */
export interface DomainSummary {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU while it runs. */
  readonly id: number | undefined
  readonly state: DomainState
  /** Whether it is defined, and so stays when it ends. */
  readonly persistent: boolean
}

/** How to list. */
export interface ListOptions extends DomainOptions {
  /** Those that do not run, too. */
  readonly all?: boolean | undefined
}

/** The domains that run, or all of them: those that run first, each part by name. @throws StorageError */
export async function listDomains(options: ListOptions = {}): Promise<readonly DomainSummary[]> {
  const directories = resolveDirectories(options)
  const entries = await listEntries(directories)
  const wanted = entries.filter(({ record }) => record !== undefined || options.all === true)
  const summaries = await Promise.all(
    wanted.map((entry) => summarise(directories, entry, options.signal)),
  )
  return [
    ...summaries.filter(({ id }) => id !== undefined),
    ...summaries.filter(({ id }) => id === undefined),
  ]
}

async function summarise(
  directories: Directories,
  entry: DomainEntry,
  signal: AbortSignal | undefined,
): Promise<DomainSummary> {
  const { name, record, persistent } = entry
  const uuid = await uuidOf(directories, entry)
  return { name, uuid, id: record?.pid, state: await stateOf(entry, signal), persistent }
}

/** What a domain does now. */
export async function stateOf(entry: DomainEntry, signal?: AbortSignal): Promise<DomainState> {
  if (entry.record === undefined) return 'shut off'
  // QEMU calls a guest running of which a processor waits for a page that never comes.
  if ((await fillState(entry.paths))?.state === 'failed') return 'paused'
  const runState = await askRunState(entry.paths, signal)
  return runState === undefined ? 'no state' : stateOfRunState(runState)
}
