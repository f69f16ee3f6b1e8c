import { DomainError, type StasisError } from '../../errors.ts'
import { errorObject } from './error.ts'

/** The outcome for one domain, as `--json` shows it. */
export function outcomeObject(outcome: {
  readonly error?: StasisError
}): Readonly<Record<string, unknown>> {
  const { error, ...facts } = outcome
  return error === undefined ? facts : { ...facts, error: errorObject(error) }
}

/** @throws the error of the only domain that was asked for, or one that names all that failed */
export function refuseFailed(
  outcomes: readonly { readonly name: string; readonly error?: StasisError }[],
  failed: string,
): void {
  const faulty = outcomes.filter(({ error }) => error !== undefined)
  const [first] = faulty
  if (first?.error === undefined) return
  if (outcomes.length === 1) throw first.error
  const names = faulty.map(({ name }) => `'${name}'`).join(', ')
  throw new DomainError('DOMAIN_WRONG_STATE', `${failed}: ${names}`, { cause: first.error })
}
