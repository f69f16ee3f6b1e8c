import { StasisError, explained } from '../../errors.ts'
import { Configuration } from '../configuration/configuration.ts'
import { appendEntry, thisAuthor } from '../journal/append-entry.ts'
import type { JournalAct, JournalEntry } from '../journal/entry.ts'
import { type DirectoryOptions, openDirectories } from '../store/directories.ts'
import { requireOwnHost } from '../store/state-host.ts'
import { journalDirectory } from '../store/runtime-paths.ts'

/** What an act is known by before it begins. */
export interface ActPlan extends Pick<JournalEntry, 'during' | 'image'> {
  readonly act: JournalAct
  /** The domain as the caller named it. */
  readonly reference?: string | undefined
}

/** What is known of an act that succeeded. */
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
  #domain: { readonly domain: string; readonly uuid: string | undefined } | undefined

  /** Names the domain, once it was found. */
  on(domain: string, uuid: string | undefined): void {
    this.#domain = { domain, uuid }
  }

  /** Its domain. */
  get domain(): { readonly domain: string; readonly uuid: string | undefined } | undefined {
    return this.#domain
  }
}

/** How an act is kept. */
export interface ActOptions<Result> {
  readonly plan: ActPlan
  readonly directories: DirectoryOptions
  readonly facts: (result: Result) => ActFacts
  /** Called with what could not be kept: that never fails the act. */
  readonly onWarning: ((text: string) => void) | undefined
}

/**
 * Does an act, and writes into the journal how it ended. An act on a domain that does not exist, and one that was asked for wrongly, is not kept.
 * @throws UsageError BAD_CONFIGURATION, StorageError UNSAFE_FILE before it begins; errors of `work`
 */
export async function keepAct<Result>(
  options: ActOptions<Result>,
  work: (act: Act) => Promise<Result>,
): Promise<Result> {
  const configuration = await Configuration.read()
  const startMs = performance.now()
  const act = new Act()
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
      by: thisAuthor(),
    }
    await write(entry, configuration, options)
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

async function write(
  entry: JournalEntry,
  { keepDays }: Configuration,
  { directories, onWarning }: Pick<ActOptions<never>, 'directories' | 'onWarning'>,
): Promise<void> {
  try {
    const opened = await openDirectories(directories)
    await requireOwnHost(opened)
    await appendEntry(journalDirectory(opened), entry, { keepDays })
  } catch (error) {
    onWarning?.(
      `this is not in the journal: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

/** Nothing was tried. */
function isWrong(error: unknown): boolean {
  return (
    StasisError.is(error) &&
    [
      'BAD_ARGUMENT',
      'BAD_COMBINATION',
      'PATH_TOO_LONG',
      'BAD_CONFIGURATION',
      'DOMAIN_NOT_FOUND',
    ].includes(error.code)
  )
}

function failureOf(caught: unknown): Pick<JournalEntry, 'outcome' | 'code' | 'error'> {
  const error = explained('do this', caught)
  const code = StasisError.is(error) ? error.code : 'INTERNAL'
  const text = error instanceof Error ? error.message : String(error)
  return { outcome: code === 'CANCELLED' ? 'cancelled' : 'failed', code, error: text }
}
