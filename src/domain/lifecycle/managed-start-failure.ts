import { CancelledError, StasisError, rewrapped } from '../../errors.ts'
import type { HeldDomain } from '../store/held-domain.ts'

/** The error of a start from a managed save that failed: of the kind of its cause, and says that the image is still there. */
export function managedStartFailure({ name, paths }: HeldDomain, cause: unknown): StasisError {
  const operation = `start domain '${name}' from its managed save`
  if (StasisError.is(cause, 'CANCELLED'))
    return new CancelledError(operation, cause.cause, 'the managed save is kept')
  return rewrapped(cause, {
    operation,
    message: `Could not ${operation}, which is kept`,
    path: paths.managedSave,
    offset: undefined,
    hint: `It was not booted without it: \`stasis start ${name}\` tries again, --force-boot throws the managed save away and boots`,
  })
}
