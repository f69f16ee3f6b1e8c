import { CancelledError, StasisError } from '../../errors.ts'
import { type DomainEntry, listEntries, uuidOf } from '../catalogue/catalogue.ts'
import { entryXml } from '../catalogue/domain-xml.ts'
import { listedCheckpoints } from '../store/checkpoints/checkpoint-record.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { isAutostarted } from '../catalogue/autostart.ts'
import { type DomainState, stateOfRunState } from '../machine/domain-state.ts'
import { type PostcopyState, postcopyState } from '../store/postcopy-state.ts'
import { hostOf } from '../ownership/elsewhere.ts'
import { hasUsableManagedSave, ifSavesAreThere } from '../store/saves/managed-image.ts'
import { textOfRootChild } from '../../qemu/domain-xml/tags.ts'
import { queryRunState } from '../catalogue/run-state.ts'

/** One entry of the list of domains. */
export interface DomainSummary {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU while it runs. */
  readonly id: number | undefined
  readonly state: DomainState
  /** Whether it is defined, and so remains when its QEMU ends. */
  readonly persistent: boolean
  /** Whether it has a managed save, from which its next start resumes; `undefined` if the storage of the managed saves is not there. */
  readonly managedSave: boolean | undefined
  /** Whether it starts with the host. */
  readonly autostart: boolean
  /** The title in its XML, if titles were asked for and it has one. */
  readonly title?: string
  /** A lazy restore whose memory is still being loaded, or does not arrive. */
  readonly postcopy?: PostcopyState | undefined
  /** The host that has it, if the state is `elsewhere`. */
  readonly host?: string
  /** The id of that host. */
  readonly hostId?: string
  /** The generation in which that host took the domain. */
  readonly generation?: number
  /** Why the state is `unknown`. */
  readonly fault?: StasisError
}

/** A state by which domains are listed; `other` is every one without a name here. */
export type ListedState = 'running' | 'paused' | 'shut off' | 'other'

/** Which domains to list. */
export interface ListOptions extends DomainOptions {
  /** Also those that are not running. */
  readonly all?: boolean | undefined
  /** Only those that are not running; `all` overrides it. */
  readonly inactive?: boolean | undefined
  /** Only those in one of these states. Domains that do not run also need `all` or `inactive`. */
  readonly states?: readonly ListedState[] | undefined
  /** Only those that are defined, or only those that are not. */
  readonly persistent?: boolean | undefined
  /** Only those with a managed save, or only those without. Those of which that is unknown are always listed. */
  readonly managedSave?: boolean | undefined
  /** Only those that have checkpoints, or only those without. */
  readonly checkpoints?: boolean | undefined
  /** Only those that start with the host, or only those that do not. */
  readonly autostart?: boolean | undefined
  /** Also read their titles. */
  readonly title?: boolean | undefined
}

async function namesWithCheckpoints(
  directories: Directories,
  entries: readonly DomainEntry[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const { name } of entries)
    if ((await listedCheckpoints(directories, name)).length > 0) found.add(name)
  return found
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
  const { all = false, inactive = false } = options
  const wanted = entries.filter(
    ({ record, fault }) =>
      all || fault !== undefined || (record === undefined ? inactive : !inactive),
  )
  const kept =
    options.checkpoints === undefined ? undefined : await namesWithCheckpoints(directories, wanted)
  const summaries = await Promise.all(wanted.map((entry) => summarise(directories, entry, options)))
  const asked = summaries.filter(
    (domain) =>
      domain.fault !== undefined ||
      (isAsked(domain, options) &&
        (kept === undefined || kept.has(domain.name) === options.checkpoints)),
  )
  return [
    ...asked.filter(({ id }) => id !== undefined),
    ...asked.filter(({ id }) => id === undefined),
  ]
}

function isAsked(domain: DomainSummary, options: ListOptions): boolean {
  const { state, managedSave, autostart, persistent } = domain
  const named = state === 'running' || state === 'paused' || state === 'shut off'
  return (
    (managedSave === undefined || managedSave === (options.managedSave ?? managedSave)) &&
    autostart === (options.autostart ?? autostart) &&
    persistent === (options.persistent ?? persistent) &&
    options.states?.includes(named ? state : 'other') !== false
  )
}

async function summarise(
  directories: Directories,
  entry: DomainEntry,
  { signal, title }: ListOptions,
): Promise<DomainSummary> {
  const { name, record, persistent } = entry
  try {
    if (entry.fault !== undefined) throw entry.fault
    const postcopy = record === undefined ? undefined : await postcopyState(entry.paths)
    return {
      name,
      uuid: await uuidOf(directories, entry),
      id: record?.pid,
      state: await stateOf(entry, postcopy, signal),
      persistent,
      managedSave: await ifSavesAreThere(() => hasUsableManagedSave(entry)),
      autostart: await isAutostarted(directories, name),
      postcopy,
      ...(entry.elsewhere !== undefined && hostOf(entry.elsewhere)),
      ...(title === true ? await titleOf(directories, entry) : {}),
    }
  } catch (error) {
    if (!(error instanceof StasisError) || error instanceof CancelledError) throw error
    const facts = { uuid: '', id: record?.pid, managedSave: false, autostart: false }
    return { name, ...facts, state: 'unknown', persistent, fault: error }
  }
}

async function titleOf(
  directories: Directories,
  entry: DomainEntry,
): Promise<Pick<DomainSummary, 'title'>> {
  const title = textOfRootChild(await entryXml(directories, entry), 'title')?.trim()
  return title === undefined ? {} : { title }
}

/** The present state of a domain; `postcopy` is its `postcopyState`. */
export async function stateOf(
  entry: DomainEntry,
  postcopy: PostcopyState | undefined,
  signal?: AbortSignal,
): Promise<DomainState> {
  if (entry.elsewhere !== undefined) return 'elsewhere'
  if (entry.record === undefined) return 'shut off'
  // QEMU reports a guest as running even if a processor waits for a page that will never arrive.
  if (postcopy?.state === 'lost') return 'memory lost'
  if (postcopy?.state === 'failed') return 'paused'
  const runState = await queryRunState(entry.paths, signal)
  return runState === undefined ? 'no state' : stateOfRunState(runState)
}
