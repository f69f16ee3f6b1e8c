import { CancelledError, StasisError } from '../../errors.ts'
import { rewrapped } from '../../io/storage-error.ts'

/** The error of a save that failed after the guest was stopped: of the kind of its cause, with the present state of the guest. */
export function saveFailure(name: string, cause: unknown, outcome: string): StasisError {
  const operation = `save domain '${name}'`
  if (StasisError.is(cause, 'CANCELLED')) return new CancelledError(operation, cause.cause, outcome)
  return rewrapped(cause, { operation, message: `Could not ${operation}; ${outcome}` })
}
