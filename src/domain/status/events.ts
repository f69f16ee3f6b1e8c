import { setTimeout as delay } from 'node:timers/promises'
import { type DomainEntry, lastEndOf, listEntries } from '../catalogue/catalogue.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import type { DomainState } from '../machine/domain-state.ts'
import { isLocked } from '../store/lock.ts'
import { observe } from '../catalogue/presence.ts'
import { type PostcopyState, postcopyState } from '../store/postcopy-state.ts'
import { queryRunState } from '../catalogue/run-state.ts'
import { eachLook } from './each-look.ts'
import { stateOf } from './list.ts'
import { runtimePaths } from '../store/runtime-paths.ts'

/** Something that happened to a domain, in virsh's words. */
export interface LifecycleEvent {
  readonly domain: string
  readonly event:
    | 'Defined'
    | 'Undefined'
    | 'Started'
    | 'Suspended'
    | 'Resumed'
    | 'Stopped'
    | 'PMSuspended'
    | 'Crashed'
    | 'Memory'
  /**
   * The kind of the change, in one word. The event `Memory`, after a lazy restore, has `Filling`, `Loaded` (the image is no longer needed), `Stopped` (nothing loads the rest), `Failed` or `Lost`.
   * The other events have `Booted`, `Restored`, `Event wakeup`, `Paused`, `I/O Error`, `Watchdog`, `Unpaused`, `Memory`, `Shutdown`, `Destroyed`, `Crashed`, `Saved`, `Added`, `Removed` and so on. `SaveKilled` means that the guest was resumed
   * because the process that saved it was killed.
   */
  readonly detail: string
  /** Of `Memory`: how much has arrived, and from which image. */
  readonly postcopy?: PostcopyState
  /** When Stasis saw it, ISO 8601. */
  readonly time: string
}

/** Which events to watch. */
export interface EventOptions extends DomainOptions {
  /** Only events of the domain with this name. */
  readonly domain?: string | undefined
}

interface Seen {
  readonly persistent: boolean
  readonly pid: number | undefined
  readonly state: DomainState
  readonly postcopy: PostcopyState | undefined
  /** See `RuntimeRecord`. */
  readonly continuedAt: string | undefined
}

/**
 * Yields lifecycle events of domains from now on, until `signal` is aborted. There is no daemon that sends events, so this looks four times a
 * second. It does not see a change that is undone between two looks.
 * @throws StorageError
 * @example
 * for await (const { domain, event, detail } of watchEvents({ signal: AbortSignal.timeout(60_000) }))
 *   console.log(domain, event, detail)
 */
export async function* watchEvents(
  options: EventOptions = {},
): AsyncGenerator<LifecycleEvent, void, void> {
  const directories = await openDirectories(options)
  const take = (before: Look | undefined): Promise<Look> => look(directories, options, before)
  for await (const { before, now } of eachLook(take, options.signal)) {
    const names = new Set([...before.keys(), ...now.keys()])
    for (const name of names) {
      const time = new Date().toISOString()
      const changes = await compare(before.get(name)?.seen, now.get(name), name, directories)
      for (const [event, detail] of changes) yield { domain: name, event, detail, time }
      const memory = memoryChange(before.get(name)?.seen, now.get(name)?.seen)
      if (memory !== undefined) yield { domain: name, event: 'Memory', ...memory, time }
    }
  }
}

type Look = ReadonlyMap<string, { readonly seen: Seen; readonly entry: DomainEntry }>

async function look(
  directories: Directories,
  options: EventOptions,
  before: Look = new Map(),
): Promise<Look> {
  const entries = await listEntries(directories)
  const wanted = entries.filter(
    ({ name }) => options.domain === undefined || name === options.domain,
  )
  const pairs = wanted.map(async (entry) => {
    const { name, persistent, record, fault } = entry
    // A domain whose state is unreadable keeps its last known state.
    const known = before.get(name)
    if (fault !== undefined) return known === undefined ? undefined : ([name, known] as const)
    // A QEMU that is being started is not a guest until it has started.
    const pid = record?.stage === 'running' ? record.pid : undefined
    const now = pid === undefined ? OFF : await lookAt(entry)
    const seen = { persistent, pid, ...now, continuedAt: record?.continuedAt } as const
    return [name, { seen, entry }] as const
  })
  return new Map((await Promise.all(pairs)).filter((pair) => pair !== undefined))
}

const OFF = { state: 'shut off', postcopy: undefined } as const

async function lookAt(entry: DomainEntry): Promise<Pick<Seen, 'state' | 'postcopy'>> {
  try {
    const postcopy = await postcopyState(entry.paths)
    return { state: await stateOf(entry, postcopy).catch(() => 'unknown' as const), postcopy }
  } catch {
    return { state: 'unknown', postcopy: undefined }
  }
}

type Change = readonly [LifecycleEvent['event'], string]

async function compare(
  old: Seen | undefined,
  now: { readonly seen: Seen; readonly entry: DomainEntry } | undefined,
  name: string,
  directories: Directories,
): Promise<readonly Change[]> {
  const changes: Change[] = []
  const seen = now?.seen
  if (old?.persistent !== true && seen?.persistent === true) changes.push(['Defined', 'Added'])
  if (old?.pid !== undefined && old.pid !== seen?.pid)
    changes.push(await stopped(name, directories))
  if (now !== undefined && seen?.pid !== undefined && seen.pid !== old?.pid) {
    changes.push(['Started', now.entry.record?.restoredFrom === undefined ? 'Booted' : 'Restored'])
    if (seen.state === 'paused') changes.push(['Suspended', 'Paused'])
  } else if (seen?.continuedAt !== undefined && seen.continuedAt !== old?.continuedAt) {
    changes.push(['Resumed', 'SaveKilled'])
    if (seen.state === 'paused') changes.push(['Suspended', 'Paused'])
  } else if (seen?.pid !== undefined && seen.state !== old?.state) {
    if (seen.state === 'paused') changes.push(['Suspended', await pauseOf(name, directories)])
    if (seen.state === 'running')
      changes.push(
        old?.state === 'pmsuspended' ? ['Started', 'Event wakeup'] : ['Resumed', 'Unpaused'],
      )
    if (seen.state === 'pmsuspended') changes.push(['PMSuspended', 'Memory'])
    if (seen.state === 'crashed') changes.push(['Crashed', 'Panicked'])
  }
  if (old?.persistent === true && seen?.persistent !== true) changes.push(['Undefined', 'Removed'])
  return changes
}

/** Why a guest is paused. */
async function pauseOf(name: string, directories: Directories): Promise<string> {
  const runState = await queryRunState(runtimePaths(directories, name))
  if (runState === 'io-error') return 'I/O Error'
  return runState === 'watchdog' ? 'Watchdog' : 'Paused'
}

const MEMORY = {
  filling: 'Filling',
  stopped: 'Stopped',
  failed: 'Failed',
  lost: 'Lost',
} as const

/** A change of the missing memory of a guest. */
function memoryChange(
  old: Seen | undefined,
  now: Seen | undefined,
): Pick<LifecycleEvent, 'detail' | 'postcopy'> | undefined {
  if (now?.pid === undefined) return undefined
  const before = old?.pid === now.pid ? old.postcopy : undefined
  const { postcopy } = now
  if (postcopy?.state === before?.state) return undefined
  return postcopy === undefined
    ? { detail: 'Loaded' }
    : { detail: MEMORY[postcopy.state], postcopy }
}

const ENDS = {
  shutdown: 'Shutdown',
  destroyed: 'Destroyed',
  crashed: 'Crashed',
  saved: 'Saved',
  failed: 'Failed',
} as const

/** After a domain has ended, the process that ended it records the reason within this time. */
const END_PATIENCE_MS = 1000
const END_LOOK_MS = 20

async function stopped(name: string, directories: Directories): Promise<Change> {
  const paths = runtimePaths(directories, name)
  for (
    let waitedMs = 0;
    waitedMs < END_PATIENCE_MS && (await isLocked(paths));
    waitedMs += END_LOOK_MS
  )
    await delay(END_LOOK_MS)
  const end = await lastEndOf({ paths, ...(await observe(paths)) })
  return ['Stopped', end === undefined ? 'Unknown' : ENDS[end.reason]]
}
