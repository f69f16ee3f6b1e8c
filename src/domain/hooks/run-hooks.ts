import { CancelledError, DomainError, inOneLine, messageOf } from '../../errors.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { type ProgramEnd, runProgram } from '../../io/processes/run-program.ts'
import { checkTrustedProgram } from '../../io/files/trusted-file.ts'
import type { Directories } from '../store/directories.ts'
import { type HookPlaces, findHooks } from './find-hooks.ts'

/** What a hook can be run for. */
export type HookEvent = `${'before' | 'after'}-${'save' | 'restore' | 'start' | 'end'}`

/** What a hook receives, as JSON on its standard input. */
export interface HookMessage {
  readonly event: HookEvent
  readonly domain: string
  readonly [fact: string]: unknown
}

/** The hooks of this host. */
export interface HookSettings extends HookPlaces {
  readonly timeLimitMs: number
}

/**
 * Runs the hooks before an act, one after another. The first that ends with another code than 0, or takes too long, refuses the act.
 * @throws DomainError HOOK_REFUSED, StorageError UNSAFE_FILE and others, CancelledError
 */
export async function runBeforeHooks(
  message: HookMessage,
  settings: HookSettings,
  directories: Directories,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (isInHook()) return
  for (const path of await findHooks(settings)) {
    const end = await runHook(path, message, settings, { directories, signal })
    if (end.end === 'cancelled') throw new CancelledError(`run the hook ${path}`, signal?.reason)
    if (end.end !== 'exit' || end.status !== 0) throw refusal(path, message, settings, end)
  }
}

/** Runs the hooks after an act. Returns a warning for each that failed: nothing can be undone. */
export async function runAfterHooks(
  message: HookMessage,
  settings: HookSettings,
  directories: Directories,
): Promise<readonly string[]> {
  if (isInHook()) return []
  const warnings: string[] = []
  try {
    for (const path of await findHooks(settings)) {
      const fault = await runHook(path, message, settings, { directories }).then(
        (end) => (end.end === 'exit' && end.status === 0 ? undefined : describeEnd(end, settings)),
        messageOf,
      )
      if (fault !== undefined)
        warnings.push(`the hook ${path} for ${message.event} failed: ${fault}`)
    }
  } catch (error) {
    warnings.push(`no hook was run for ${message.event}: ${messageOf(error)}`)
  }
  return warnings
}

/** Names the event to a hook. A Stasis that a hook has started runs no hooks, or it would never end. */
const VARIABLE = 'STASIS_HOOK'

function isInHook(): boolean {
  return (process.env[VARIABLE] ?? '') !== ''
}

async function runHook(
  path: string,
  message: HookMessage,
  { timeLimitMs }: HookSettings,
  more: { readonly directories: Directories; readonly signal?: AbortSignal | undefined },
): Promise<ProgramEnd> {
  const { directories, signal } = more
  await checkTrustedProgram(path)
  const env = cleanEnvironment({
    [VARIABLE]: message.event,
    STASIS_STATE_DIR: directories.stateDir,
    STASIS_RUNTIME_DIR: directories.runtimeDir,
  })
  const input = `${JSON.stringify({ version: 1, ...message })}\n`
  const args = [message.event, message.domain]
  try {
    return await runProgram({ path, args, env, input, timeoutMs: timeLimitMs, signal })
  } catch (error) {
    throw new DomainError('HOOK_REFUSED', `The hook ${path} cannot be run: ${messageOf(error)}`, {
      path,
      cause: error,
    })
  }
}

function refusal(
  path: string,
  { event, domain }: HookMessage,
  settings: HookSettings,
  end: ProgramEnd,
): DomainError {
  const act = event.replace(/^before-/, '')
  return new DomainError(
    'HOOK_REFUSED',
    `The hook ${path} refuses to ${act} domain '${domain}': ${describeEnd(end, settings)}`,
    { operation: act, path, hint: 'Nothing was done. docs/hooks.md says what hooks are' },
  )
}

/** How a program ended, in words: the last line of its output, if it has any. */
export function describeEnd(
  { end, status, output }: ProgramEnd,
  { timeLimitMs }: { readonly timeLimitMs: number },
): string {
  const last = inOneLine(output.trim().split('\n').at(-1) ?? '')
  if (end === 'time-limit') return `it did not end within ${timeLimitMs / 1000} s`
  if (last !== '') return last
  return end === 'exit' ? `it ended with exit code ${status}` : `it was killed by ${status}`
}
