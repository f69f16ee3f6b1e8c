import { CancelledError, StasisError } from '../../errors.ts'
import { explained } from '../../io/storage-error.ts'

/**
 * Reports a cancelled step as a cancellation of the whole operation; what the step reports of its outcome stays. Also gives a class and a code to an error of
 * the operating system that no step has explained.
 */
export async function nameCancel<Result>(operation: string, act: Promise<Result>): Promise<Result> {
  try {
    return await act
  } catch (error) {
    if (!StasisError.is(error, 'CANCELLED')) throw explained(operation, error)
    throw new CancelledError(operation, error.cause, error.outcome)
  }
}
