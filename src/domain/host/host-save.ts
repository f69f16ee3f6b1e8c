import { type ActFacts, keepAct } from '../acts/keep-act.ts'
import { checkOptions } from '../store/check-options.ts'
import { StasisError, messageOf, throwIfCancelled } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import { type DomainEntry, findEntry, listEntries } from '../catalogue/catalogue.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { hasUsableManagedSave } from '../store/saves/managed-image.ts'
import { readHostList, writeHostList } from '../store/host/host-list.ts'
import { checkSave } from '../save/check-save.ts'
import { managedSavePart } from '../save/managed-save.ts'
import type { SaveOptions, SaveResult } from '../save/save.ts'
import type { HostProgress } from './host-progress.ts'
import { SharedBandwidth } from '../save/shared-bandwidth.ts'
import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import { severalAtOnce } from '../progress/several-at-once.ts'

/** How to save every domain of a host. */
export interface HostSaveOptions extends Omit<
  SaveOptions,
  'xml' | 'resumeAs' | 'onProgress' | 'maxBandwidth'
> {
  /** Limit for all saves together, in bytes of guest memory per second. Default: no limit. */
  readonly maxBandwidth?: number | undefined
  /** After this time the saves in progress are cancelled, and no other is begun. Default: no limit. */
  readonly timeLimitMs?: number | undefined
  /** How many domains at the same time. Default 2: the disk stays busy while one of the two starts or ends. */
  readonly parallelDomains?: number | undefined
  /** Only report the outcomes; change nothing. */
  readonly dryRun?: boolean | undefined
  /** Called for every domain when it is done. */
  readonly onDomain?: ((outcome: HostSaveOutcome) => void) | undefined
  /** Called with the plan, and about five times a second with the progress of each domain that is being saved. Not with `dryRun`. */
  readonly onProgress?: OnProgress<HostProgress<SaveProgress>> | undefined
}

/** The outcome for one domain. */
export interface HostSaveOutcome {
  readonly name: string
  readonly outcome: 'saved' | 'would be saved' | 'not saved'
  /** Guest memory: the greatest possible size of the image. */
  readonly memoryBytes: number | undefined
  /** Why it was not saved. */
  readonly reason?: string
  /** Absent if another save of the domain, such as one that was killed and then completed, came first. */
  readonly result?: SaveResult
}

const DEFAULT_PARALLEL = 2

/**
 * Makes a managed save of every running domain, several at once. One domain that cannot be saved is not an error: its outcome says so, and it
 * keeps running.
 * @throws StorageError, CancelledError
 * @example
 * const outcomes = await saveHost({ timeLimitMs: 120_000 })
 * for (const { name, outcome, reason } of outcomes) console.log(name, outcome, reason)
 */
export async function saveHost(options: HostSaveOptions = {}): Promise<readonly HostSaveOutcome[]> {
  checkOptions(options)
  const plan = { act: 'host-save' } as const
  const save = (): Promise<readonly HostSaveOutcome[]> => saveAll(options)
  const acts = { plan, directories: options, facts: countsOf, onWarning: undefined }
  return options.dryRun === true ? save() : keepAct(acts, save)
}

function countsOf(outcomes: readonly HostSaveOutcome[]): ActFacts {
  const done = outcomes.filter(({ outcome }) => outcome === 'saved').length
  return { domains: { done, failed: outcomes.length - done } }
}

/** A running domain, or one that cannot be read. */
type Candidate = Pick<DomainEntry, 'name' | 'persistent' | 'fault'> &
  Pick<HostSaveOutcome, 'memoryBytes'>

async function saveAll({
  timeLimitMs,
  parallelDomains = DEFAULT_PARALLEL,
  dryRun = false,
  onDomain,
  onProgress,
  ...options
}: HostSaveOptions): Promise<readonly HostSaveOutcome[]> {
  const directories = await openDirectories(options)
  const candidates = await candidatesOf(directories)
  if (!dryRun) {
    const names = candidates.filter(canBeSaved).map(({ name }) => name)
    await writeHostList(directories, [...(await readHostList(directories)), ...names])
    const domains = candidates.map(({ name, memoryBytes }) => ({ name, memoryBytes }))
    onProgress?.({ phase: 'planned', domains })
  }
  const limit = timeLimitMs === undefined ? undefined : AbortSignal.timeout(timeLimitMs)
  const common = {
    ...options,
    maxBandwidth:
      options.maxBandwidth === undefined ? undefined : new SharedBandwidth(options.maxBandwidth),
    signal: anySignal(options.signal, limit),
  }
  const outcomes = await severalAtOnce(candidates, parallelDomains, async (candidate) => {
    const { name, memoryBytes } = candidate
    const show =
      onProgress && ((progress: SaveProgress) => onProgress({ phase: 'domain', name, progress }))
    const saveOptions = { ...common, onProgress: show }
    const ended = await saveOne(candidate, saveOptions, { dryRun, limit, signal: options.signal })
    const outcome = { name, memoryBytes, ...ended }
    onDomain?.(outcome)
    return outcome
  })
  throwIfCancelled('save the domains of the host', options.signal)
  return outcomes
}

/** Small domains first: if the time runs out, more domains are saved. */
async function candidatesOf(directories: Directories): Promise<readonly Candidate[]> {
  const running = (await listEntries(directories)).filter(
    ({ record, fault }) => record !== undefined || fault !== undefined,
  )
  const sized = await Promise.all(
    running.map(async ({ name, paths, persistent, fault }) => {
      const domain = await liveDomain(paths).catch(() => undefined)
      return { name, persistent, fault, memoryBytes: domain?.memoryBytes }
    }),
  )
  return sized.toSorted((a, b) => (a.memoryBytes ?? 0) - (b.memoryBytes ?? 0))
}

function canBeSaved({ persistent, fault }: Candidate): boolean {
  return persistent && fault === undefined
}

async function saveOne(
  { name, persistent, fault }: Candidate,
  options: SaveOptions,
  bounds: {
    readonly dryRun: boolean
    readonly limit: AbortSignal | undefined
    readonly signal: AbortSignal | undefined
  },
): Promise<Omit<HostSaveOutcome, 'name' | 'memoryBytes'>> {
  const notSaved = (reason: string) => ({ outcome: 'not saved', reason }) as const
  if (fault !== undefined) return notSaved(fault.message)
  if (!persistent) return notSaved(transient(name))
  if (bounds.dryRun) {
    const [obstacle] = (await checkSave(name, undefined, options)).obstacles
    return obstacle === undefined ? { outcome: 'would be saved' } : notSaved(obstacle)
  }
  if (hasPassed(bounds.limit)) return notSaved('the time limit had passed')
  try {
    return { outcome: 'saved', result: await managedSavePart(name, options, 'host-save') }
  } catch (error) {
    if (StasisError.is(error, 'DOMAIN_NOT_RUNNING') && (await isSaved(name, options)))
      return { outcome: 'saved' }
    const isLate = hasPassed(bounds.limit) && !hasPassed(bounds.signal)
    const text = messageOf(error)
    return notSaved(isLate ? `the time limit had passed: ${text}` : text)
  }
}

/** Whether the domain is in its managed save by now. */
async function isSaved(name: string, options: DomainOptions): Promise<boolean> {
  const entry = await findEntry(await openDirectories(options), name).catch(() => undefined)
  return entry !== undefined && entry.record === undefined && (await hasUsableManagedSave(entry))
}

/** The reason why a domain without a definition gets no managed save, with a hint. */
function transient(name: string): string {
  return `it is not defined, so nothing would start it again. \`stasis dumpxml ${name} >${name}.xml; stasis define ${name}.xml\` defines it, or \`stasis save ${name} FILE\` saves it to a file`
}

function hasPassed(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
