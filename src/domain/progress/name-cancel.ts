import { CancelledError } from '../../errors.ts'

/** An act of which a cancelled step is told as the act cancelled, not as the step; what it says of its outcome stays. */
export async function nameCancel<Result>(operation: string, act: Promise<Result>): Promise<Result> {
  const verb = `${operation.split(' ', 1)[0]} `
  try {
    return await act
  } catch (error) {
    if (!(error instanceof CancelledError) || error.operation?.startsWith(verb) === true)
      throw error
    throw new CancelledError(operation, error.cause)
  }
}
