import { StasisError, CancelledError } from '../../errors.ts'

/** Reports a cancelled step as a cancellation of the whole operation; what the step reports of its outcome stays. */
export async function nameCancel<Result>(operation: string, act: Promise<Result>): Promise<Result> {
  try {
    return await act
  } catch (error) {
    if (!StasisError.is(error, 'CANCELLED')) throw error
    throw new CancelledError(operation, error.cause, error.outcome)
  }
}
