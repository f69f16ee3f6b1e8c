import { type ActFacts, keepAct } from '../acts/keep-act.ts'
import { checkOptions } from '../store/check-options.ts'
import { listEntries } from '../catalogue/catalogue.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { type StasisError, throwIfCancelled } from '../../errors.ts'
import { autostartOf, autostartPath } from '../catalogue/autostart.ts'
import { readHostList, writeHostList } from '../store/host/host-list.ts'
import { hasUsableManagedSave } from '../store/saves/managed-image.ts'
import { removeFile } from '../../io/files/file-names.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'
import { severalAtOnce } from '../progress/several-at-once.ts'
import type { HostProgress } from './host-progress.ts'
import { type StartOptions, startPart } from '../lifecycle/start.ts'
import { releaseDead } from './release-dead.ts'

/** How to restart the domains of a host. */
export interface HostResumeOptions
  extends
    DomainOptions,
    Pick<
      StartOptions,
      'mode' | 'bypassCache' | 'syncTime' | 'allowLinkDown' | 'ignoreUnsupported'
    > {
  /** How many domains at the same time. Default 2. */
  readonly parallelDomains?: number | undefined
  /** Also domains that start with the host, from their managed save if they have one. */
  readonly autostart?: boolean | undefined
  /** Only report the outcomes; change nothing. */
  readonly dryRun?: boolean | undefined
  /** Called for every domain when it is done. */
  readonly onDomain?: ((outcome: HostResumeOutcome) => void) | undefined
  /** Called with the plan, and about five times a second with the progress of each domain that is being restored. Not with `dryRun`. */
  readonly onProgress?: OnProgress<HostProgress<RestoreProgress>> | undefined
}

/** The outcome for one domain. */
export interface HostResumeOutcome {
  readonly name: string
  readonly outcome:
    | 'resumed'
    | 'booted'
    | 'would be resumed'
    | 'would be booted'
    | 'runs already'
    | 'not started'
  /** Why it was not started. */
  readonly reason?: string
}

const DEFAULT_PARALLEL = 2

/**
 * Restarts the domains that `saveHost` has saved, several at once. One domain that cannot be started is not an error: its outcome says so, and it
 * keeps its managed save.
 * @throws StorageError, CancelledError
 * @example
 * const outcomes = await resumeHost({ autostart: true })
 * for (const { name, outcome, reason } of outcomes) console.log(name, outcome, reason)
 */
export async function resumeHost(
  options: HostResumeOptions = {},
): Promise<readonly HostResumeOutcome[]> {
  checkOptions(options)
  const plan = { act: 'host-resume' } as const
  const resume = (): Promise<readonly HostResumeOutcome[]> => resumeAll(options)
  const acts = { plan, directories: options, facts: countsOf, onWarning: undefined }
  return options.dryRun === true ? resume() : keepAct(acts, resume)
}

function countsOf(outcomes: readonly HostResumeOutcome[]): ActFacts {
  const done = outcomes.filter(({ outcome }) => outcome === 'resumed' || outcome === 'booted')
  const failed = outcomes.filter(({ outcome }) => outcome === 'not started')
  return { domains: { done: done.length, failed: failed.length } }
}

async function resumeAll(options: HostResumeOptions): Promise<readonly HostResumeOutcome[]> {
  const {
    parallelDomains = DEFAULT_PARALLEL,
    dryRun,
    onDomain,
    onProgress,
    autostart,
    ...start
  } = options
  const directories = await openDirectories(options)
  if (dryRun !== true) await releaseDead(directories, options)
  const listed = await readHostList(directories)
  const candidates = await choose(directories, listed, autostart === true)
  if (dryRun !== true)
    onProgress?.({
      phase: 'planned',
      domains: candidates.map(({ name }) => ({ name, memoryBytes: undefined })),
    })
  const outcomes = await severalAtOnce(candidates, parallelDomains, async (candidate) => {
    const outcome = await resumeOne(candidate, directories, { dryRun, onProgress, start })
    onDomain?.(outcome)
    return outcome
  })
  if (dryRun !== true) {
    const left = outcomes.filter(({ outcome }) => outcome === 'not started')
    const names = left.map(({ name }) => name).filter((name) => listed.includes(name))
    await writeHostList(directories, names)
  }
  throwIfCancelled('resume the domains of the host', options.signal)
  return outcomes
}

async function resumeOne(
  { name, managedSave, wanted, running, fault }: Candidate,
  directories: Directories,
  {
    dryRun,
    onProgress,
    start,
  }: Pick<HostResumeOptions, 'dryRun' | 'onProgress'> & { readonly start: StartOptions },
): Promise<HostResumeOutcome> {
  if (fault !== undefined) return { name, outcome: 'not started', reason: reasonOf(fault) }
  if (running) return { name, outcome: 'runs already' }
  if (!managedSave && !wanted)
    return {
      name,
      outcome: 'not started',
      reason: 'it has no managed save and does not start with the host',
    }
  if (dryRun === true)
    return { name, outcome: managedSave ? 'would be resumed' : 'would be booted' }
  try {
    const { restored } = await startPart(
      name,
      {
        ...start,
        onProgress: onProgress && ((progress) => onProgress({ phase: 'domain', name, progress })),
      },
      'host-resume',
    )
    if (wanted) await forgetOnce(directories, name)
    return { name, outcome: restored === undefined ? 'booted' : 'resumed' }
  } catch (error) {
    return { name, outcome: 'not started', reason: reasonOf(error) }
  }
}

/** A domain that was to start only this time has done so. */
async function forgetOnce(directories: Directories, name: string): Promise<void> {
  if ((await autostartOf(directories, name)) === 'once')
    await removeFile(autostartPath(directories, name))
}

interface Candidate {
  readonly name: string
  readonly managedSave: boolean
  /** Whether to start it because it starts with the host. */
  readonly wanted: boolean
  readonly running: boolean
  /** Why it is unknown whether the domain runs. */
  readonly fault: StasisError | undefined
}

async function choose(
  directories: Directories,
  listed: readonly string[],
  autostart: boolean,
): Promise<readonly Candidate[]> {
  const all = await Promise.all(
    (await listEntries(directories)).map(async (entry) => ({
      name: entry.name,
      managedSave: await hasUsableManagedSave(entry),
      wanted: autostart && (await autostartOf(directories, entry.name)) !== undefined,
      running: entry.record !== undefined || entry.elsewhere !== undefined,
      fault: entry.fault,
    })),
  )
  return all.filter(({ name, wanted }) => wanted || listed.includes(name))
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${cause}`
}
