import {
  CancelledError,
  DomainError,
  ImageError,
  InternalError,
  QemuError,
  type StasisError,
  StorageError,
  UsageError,
} from '../../errors.ts'

/** The error of a save that failed after the guest was stopped: of the kind of its cause, and says what the guest does now. */
export function saveFailure(name: string, cause: unknown, outcome: string): StasisError {
  const message = `Could not save domain '${name}'; ${outcome}`
  const facts = { operation: `save domain '${name}'`, cause }
  if (cause instanceof CancelledError)
    return new CancelledError(`save domain '${name}'; ${outcome}`, cause.cause)
  if (cause instanceof StorageError)
    return new StorageError(cause.code, message, { ...facts, path: cause.path })
  if (cause instanceof QemuError) return new QemuError(cause.code, message, facts)
  if (cause instanceof DomainError) return new DomainError(cause.code, message, facts)
  if (cause instanceof UsageError) return new UsageError(cause.code, message, facts)
  if (cause instanceof ImageError) return new ImageError(cause.code, message, facts)
  return new InternalError(message, facts)
}
