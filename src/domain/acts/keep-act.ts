import { resolve } from 'node:path'
import { StasisError, UsageError, messageOf } from '../../errors.ts'
import { explained } from '../../io/storage-error.ts'
import {
  Configuration,
  type GuestCommand,
  type GuestCommandTime,
} from '../configuration/configuration.ts'
import { appendEntry, thisAuthor } from '../journal/append-entry.ts'
import type { GuestCommandResult, JournalAct, JournalEntry } from '../journal/entry.ts'
import { writeMetrics } from '../metrics/write-metrics.ts'
import { type HookMessage, runAfterHooks, runBeforeHooks } from '../hooks/run-hooks.ts'
import {
  type Directories,
  type DirectoryOptions,
  openDirectories,
  resolveDirectories,
} from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { requireOwnHost, requireThere } from '../ownership/state-host.ts'
import { journalDirectory } from '../store/runtime-paths.ts'

/** The facts of an act before it begins. */
export interface ActPlan extends Pick<JournalEntry, 'during' | 'image'> {
  readonly act: JournalAct
  /** The domain as the caller named it. */
  readonly reference?: string | undefined
}

/** The facts of an act that succeeded. */
export type ActFacts = Partial<
  Pick<
    JournalEntry,
    | 'domain'
    | 'uuid'
    | 'image'
    | 'format'
    | 'fileBytes'
    | 'memoryBytes'
    | 'downtimeMs'
    | 'mode'
    | 'domains'
  >
>

/** An act in progress. */
export class Act {
  readonly #plan: ActPlan
  readonly #configuration: Configuration
  readonly #directories: DirectoryOptions
  #domain: { readonly domain: string; readonly uuid: string | undefined } | undefined
  #begun: HookFacts | undefined
  readonly #guestCommands: GuestCommandResult[] = []

  constructor(plan: ActPlan, configuration: Configuration, directories: DirectoryOptions) {
    this.#plan = plan
    this.#configuration = configuration
    this.#directories = directories
  }

  /** Names the domain, once it was found. */
  on(domain: string, uuid: string | undefined): void {
    this.#domain = { domain, uuid }
  }

  /** Its domain. */
  get domain(): { readonly domain: string; readonly uuid: string | undefined } | undefined {
    return this.#domain
  }

  /**
   * Runs the hooks before the act. Call this when nothing else can prevent the act, and before it changes anything.
   * @throws DomainError HOOK_REFUSED, StorageError UNSAFE_FILE, CancelledError
   */
  async before(facts: HookFacts, signal: AbortSignal | undefined): Promise<void> {
    const message = this.#message('before', facts)
    if (message === undefined) return
    this.#begun = facts
    const directories = resolveDirectories(this.#directories)
    await runBeforeHooks(message, this.#configuration.hooks, directories, signal)
  }

  /** Runs the hooks after the act, if those before it were run. Returns warnings. */
  async after(end: Partial<JournalEntry>): Promise<readonly string[]> {
    const message = this.#begun && this.#message('after', { ...this.#begun, ...end })
    if (message === undefined) return []
    const directories = resolveDirectories(this.#directories)
    return runAfterHooks(message, this.#configuration.hooks, directories)
  }

  /** The act on several domains that it is a part of. */
  get during(): JournalEntry['during'] {
    return this.#plan.during
  }

  /** The command that is to run in the guest of its domain. */
  guestCommand(when: GuestCommandTime): GuestCommand | undefined {
    if (this.#domain === undefined) return undefined
    return this.#configuration.guestCommand(when, this.#domain.domain)
  }

  /** Keeps how a command in the guest ended. */
  keepGuestCommand(result: GuestCommandResult): void {
    this.#guestCommands.push(result)
  }

  /** The commands that have run in the guest; `undefined`: none. */
  get guestCommands(): readonly GuestCommandResult[] | undefined {
    return this.#guestCommands.length === 0 ? undefined : this.#guestCommands
  }

  #message(when: 'before' | 'after', facts: object): HookMessage | undefined {
    const { act, during } = this.#plan
    const noun = HOOKS[act]
    if (noun === undefined || this.#domain === undefined) return undefined
    const { stateDir, runtimeDir } = resolveDirectories(this.#directories)
    return {
      event: `${when}-${noun}`,
      ...{ act, during, ...this.#domain, ...facts },
      ...{ stateDir, runtimeDir, by: thisAuthor() },
    }
  }
}

/** What hooks receive about an act. */
interface HookFacts {
  readonly image?: string | undefined
}

/** The hooks of each act. */
const HOOKS: Readonly<Partial<Record<JournalAct, 'save' | 'restore' | 'start' | 'end'>>> = {
  save: 'save',
  managedsave: 'save',
  restore: 'restore',
  start: 'start',
  destroy: 'end',
  'checkpoint-revert': 'restore',
}

/** How an act is recorded. */
export interface ActOptions<Result> {
  readonly plan: ActPlan
  readonly directories: DomainOptions
  readonly facts: (result: Result) => ActFacts
  /** Called with a warning about a record that could not be written. This never fails the act. */
  readonly onWarning: ((text: string) => void) | undefined
}

/**
 * Does an act, writes into the journal and the metrics how it ended, and runs the hooks after it. It does not record an act on a domain that does not exist, or an act with wrong arguments.
 * @throws UsageError BAD_CONFIGURATION, StorageError UNSAFE_FILE before it begins; errors of `work`
 */
export async function keepAct<Result>(
  options: ActOptions<Result>,
  work: (act: Act) => Promise<Result>,
): Promise<Result> {
  const configuration = await Configuration.read()
  const startMs = performance.now()
  const act = new Act(options.plan, configuration, options.directories)
  const { act: name, reference, during, image } = options.plan
  const keep = async (end: ActFacts & Pick<JournalEntry, 'outcome' | 'code' | 'error'>) => {
    const entry = {
      act: name,
      during,
      time: new Date().toISOString(),
      durationMs: Math.round(performance.now() - startMs),
      image,
      domain: reference,
      ...act.domain,
      ...end,
      guestCommands: act.guestCommands,
      by: thisAuthor(),
    }
    // First, because a hook may take long, and the user may interrupt it.
    await write(entry, configuration, options)
    for (const text of await act.after(entry)) options.onWarning?.(text)
  }
  let result: Result
  try {
    result = await work(act)
  } catch (error) {
    if (!isWrong(error)) await keep(failureOf(error))
    throw error
  }
  await keep({ outcome: 'completed', ...options.facts(result) })
  return result
}

/** Writes the journal and the metrics. A failure is a warning. */
async function write(
  entry: JournalEntry,
  { keepDays, metricsFile }: Configuration,
  { directories, onWarning }: Pick<ActOptions<never>, 'directories' | 'onWarning'>,
): Promise<void> {
  const attempt = async (what: string, act: (opened: Directories) => Promise<void>) => {
    try {
      const opened = await openDirectories(directories)
      await requireOwnHost(opened)
      await requireThere(opened)
      await act(opened)
    } catch (error) {
      onWarning?.(`this is not in ${what}: ${messageOf(error)}`)
    }
  }
  await attempt('the journal', (opened) =>
    appendEntry(journalDirectory(opened), entry, { keepDays }),
  )
  const path = directories.metricsFile ?? metricsFile
  if (path !== undefined)
    await attempt('the metrics', (opened) => writeMetrics(resolve(path), entry, opened))
}

/** Nothing was tried. */
function isWrong(error: unknown): boolean {
  return error instanceof UsageError || StasisError.is(error, 'DOMAIN_NOT_FOUND')
}

function failureOf(caught: unknown): Pick<JournalEntry, 'outcome' | 'code' | 'error'> {
  const error = explained('do this', caught)
  const code = StasisError.is(error) ? error.code : 'INTERNAL'
  const text = messageOf(error)
  return { outcome: code === 'CANCELLED' ? 'cancelled' : 'failed', code, error: text }
}
