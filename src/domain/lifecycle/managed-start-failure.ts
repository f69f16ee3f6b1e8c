import {
  CancelledError,
  DomainError,
  DomainXmlError,
  ImageError,
  InternalError,
  QemuError,
  type StasisError,
  StorageError,
  UsageError,
} from '../../errors.ts'
import type { HeldDomain } from '../store/held-domain.ts'

/** The error of a start from a managed save that failed: of the kind of its cause, and says that the image is still there. */
export function managedStartFailure({ name, paths }: HeldDomain, cause: unknown): StasisError {
  const message = `Could not start domain '${name}' from its managed save, which is kept`
  const operation = `start domain '${name}' from its managed save`
  const hint = `It was not booted without it: \`stasis start ${name}\` tries again, --force-boot throws the managed save away and boots`
  const facts = { operation, cause, path: paths.managedSave, hint }
  if (cause instanceof CancelledError)
    return new CancelledError(`${operation}, which is kept`, cause.cause)
  if (cause instanceof ImageError) return new ImageError(cause.code, message, facts)
  if (cause instanceof QemuError) return new QemuError(cause.code, message, facts)
  if (cause instanceof StorageError) return new StorageError(cause.code, message, facts)
  if (cause instanceof DomainXmlError) return new DomainXmlError(cause.code, message, facts)
  if (cause instanceof DomainError) return new DomainError(cause.code, message, facts)
  if (cause instanceof UsageError) return new UsageError(cause.code, message, facts)
  return new InternalError(message, facts)
}
