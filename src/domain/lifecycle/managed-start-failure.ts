import { CancelledError, StasisError, rewrapped } from '../../errors.ts'
import type { HeldDomain } from '../store/held-domain.ts'

/** The error for a failed start from a managed save: of the same kind as its cause, with the fact that the image is kept. */
export function managedStartFailure({ name, paths }: HeldDomain, cause: unknown): StasisError {
  const operation = `start domain '${name}' from its managed save`
  if (StasisError.is(cause, 'CANCELLED'))
    return new CancelledError(operation, cause.cause, 'the managed save is kept')
  return rewrapped(cause, {
    operation,
    message: `Could not ${operation}, which is kept`,
    path: paths.managedSave,
    offset: undefined,
    hint: `The guest was not booted, and its saved state is not lost: \`stasis start ${name}\` tries again`,
  })
}
