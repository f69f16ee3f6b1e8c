import { UsageError } from '../../errors.ts'
import { kindOf } from '../../io/files/given-path.ts'
import { checkHostThatIsOff } from './host-that-is-off.ts'

/** The allowed values of options that have the same meaning in every operation. */
const COMMON: Readonly<Record<string, readonly string[]>> = { resumeAs: ['running', 'paused'] }

/**
 * Checks at run time what TypeScript checks for its own callers: options are an object, `signal` is an AbortSignal, callbacks are functions,
 * directories are paths, and options with a few values (`choices`, by name) have one of them.
 * @throws UsageError BAD_ARGUMENT
 */
export function checkOptions(
  options: object,
  choices: Readonly<Record<string, readonly string[]>> = {},
): void {
  const given: unknown = options
  if (typeof given !== 'object' || given === null)
    throw new UsageError('BAD_ARGUMENT', `The options must be an object, not ${kindOf(given)}`)
  const allowed = { ...COMMON, ...choices }
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    if (name === 'takeOver') checkHostThatIsOff(value)
    const wanted = whatIsWanted(name, value, allowed[name])
    if (wanted !== undefined)
      throw new UsageError('BAD_ARGUMENT', `${name} must be ${wanted}, not ${kindOf(value)}`)
  }
}

function whatIsWanted(
  name: string,
  value: unknown,
  choices: readonly string[] | undefined,
): string | undefined {
  if (choices !== undefined)
    return choices.includes(value as string) ? undefined : `one of ${choices.join(', ')}`
  if (name === 'signal') return value instanceof AbortSignal ? undefined : 'an AbortSignal'
  if (/^on[A-Z]/.test(name)) return typeof value === 'function' ? undefined : 'a function'
  if (name === 'stateDir' || name === 'runtimeDir')
    return typeof value === 'string' && value !== '' ? undefined : 'a path'
  return undefined
}

/** Checks a reference to a domain. @throws UsageError BAD_ARGUMENT */
export function checkReference(reference: string): void {
  const given: unknown = reference
  if (typeof given !== 'string' || given === '')
    throw new UsageError(
      'BAD_ARGUMENT',
      `The domain must be a string (name, UUID or id), not ${kindOf(given)}`,
    )
}

/** @throws UsageError BAD_ARGUMENT unless it is a list */
export function checkReferences(references: readonly string[]): void {
  const given: unknown = references
  if (!Array.isArray(given))
    throw new UsageError(
      'BAD_ARGUMENT',
      `The domains must be a list of names, UUIDs or ids, not ${kindOf(given)}`,
    )
}
