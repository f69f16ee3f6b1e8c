import { CancelledError, StasisError, throwIfCancelled } from '../../errors.ts'
import { processorTimeMs, residentBytes } from '../../qemu/host-facts.ts'
import { isAlive } from '../../qemu/process/process-identity.ts'
import { type DomainEntry, listEntries, listRuntimes } from '../catalogue/catalogue.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import type { DomainState } from '../machine/domain-state.ts'
import type { JobRecord } from '../progress/job.ts'
import type { RestoreProgress, SaveProgress } from '../progress/progress.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { activeJob } from '../store/job-record.ts'
import { hasUsableManagedSave, ifSavesAreThere } from '../store/saves/managed-image.ts'
import { isSupervised, readPostcopyProgress, readPostcopyRecord } from '../store/postcopy-record.ts'
import { type PostcopyState, postcopyState } from '../store/postcopy-state.ts'
import { type RuntimePaths, runtimePaths } from '../store/runtime-paths.ts'
import { stateOf } from './list.ts'

type Progress = SaveProgress | RestoreProgress

/** The work of a page server so far. */
export interface PageServing extends PostcopyState {
  readonly totalBytes: number | undefined
  /** How often the guest waited for a page. */
  readonly requests: number | undefined
  /** The pid of the page server, and whether a supervisor would start another. */
  readonly server: number | undefined
  readonly supervised: boolean
}

/** The present activity of one domain. */
export interface DomainActivity {
  readonly name: string
  /** The pid of its QEMU. */
  readonly id: number | undefined
  readonly state: DomainState | 'unknown'
  /** `undefined` if the storage of the managed saves is not there. */
  readonly managedSave: boolean | undefined
  readonly memoryBytes: number | undefined
  /** The memory of the host that its QEMU takes. */
  readonly residentBytes: number | undefined
  /** Processor time that its QEMU has used so far. */
  readonly cpuTimeMs: number | undefined
  /** The save or restore in progress. */
  readonly job: JobRecord | undefined
  /** A lazy restore whose memory is still being loaded, or lost. */
  readonly serving: PageServing | undefined
  /** Why something is unknown. */
  readonly fault?: StasisError | undefined
}

/** The present activity of a host. */
export interface HostActivity {
  /** ISO 8601. */
  readonly time: string
  /** By name. */
  readonly domains: readonly DomainActivity[]
}

/**
 * The present activity of each domain of a state directory: its state, a save or restore in progress, memory that a page server loads. Writes and ends nothing.
 * @throws StorageError, UsageError; CancelledError
 * @example
 * for (const { name, job } of (await hostActivity()).domains) console.log(name, job?.operation, job?.progress)
 */
export async function hostActivity(options: DomainOptions = {}): Promise<HostActivity> {
  const directories = await openDirectories(options)
  const entries = await listEntries(directories)
  const known = new Set(entries.map(({ name }) => name))
  const others = (await listRuntimes(directories)).filter((name) => !known.has(name))
  const domains = await Promise.all([
    ...entries.map((entry) => activityOf(entry, options.signal)),
    ...others.map((name) => beginning(directories, name)),
  ])
  throwIfCancelled('look at the domains', options.signal)
  return {
    time: new Date().toISOString(),
    domains: domains
      .filter((domain) => domain !== undefined)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

const NOTHING = {
  id: undefined,
  state: 'shut off',
  managedSave: false,
  memoryBytes: undefined,
  residentBytes: undefined,
  cpuTimeMs: undefined,
  job: undefined,
  serving: undefined,
} as const satisfies Partial<DomainActivity>

async function activityOf(
  entry: DomainEntry,
  signal: AbortSignal | undefined,
): Promise<DomainActivity> {
  const { name, paths, record } = entry
  try {
    if (entry.fault !== undefined) throw entry.fault
    const job = await activeJob<Progress>(paths)
    const managedSave = await ifSavesAreThere(() => hasUsableManagedSave(entry))
    if (record === undefined) return { ...NOTHING, name, job, managedSave }
    const postcopy = await postcopyState(paths)
    return {
      name,
      id: record.pid,
      state: await stateOf(entry, postcopy, signal),
      managedSave,
      memoryBytes: (await liveDomain(paths).catch(() => undefined))?.memoryBytes,
      residentBytes: await residentBytes(record.pid),
      cpuTimeMs: await processorTimeMs(record.pid),
      job,
      serving: await servingOf(paths, postcopy),
    }
  } catch (error) {
    if (!(error instanceof StasisError) || error instanceof CancelledError) throw error
    return { ...NOTHING, name, id: record?.pid, state: 'unknown', fault: error }
  }
}

/** A domain that is being restored, and is neither defined nor recorded. */
async function beginning(
  directories: Directories,
  name: string,
): Promise<DomainActivity | undefined> {
  const paths = runtimePaths(directories, name)
  const job = await activeJob<Progress>(paths).catch(() => undefined)
  return job === undefined ? undefined : { ...NOTHING, name, job }
}

async function servingOf(
  paths: RuntimePaths,
  state: PostcopyState | undefined,
): Promise<PageServing | undefined> {
  const record = state === undefined ? undefined : await readPostcopyRecord(paths)
  if (state === undefined || record === undefined) return undefined
  const progress = await readPostcopyProgress(paths, record.id)
  const { server } = record
  return {
    ...state,
    totalBytes: progress?.totalBytes,
    requests: progress?.requests,
    server: server !== undefined && (await isAlive(server)) ? server.pid : undefined,
    supervised: await isSupervised(record),
  }
}
