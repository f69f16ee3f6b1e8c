import {
  CancelledError,
  type ErrorFacts,
  ImageError,
  type ImageErrorCode,
  InternalError,
  StasisError,
  StorageError,
  type StorageErrorCode,
} from '../../errors.ts'

/** An error as data, because a message to another thread loses the class of an error. */
export interface PackedError {
  readonly branch: 'image' | 'storage' | 'cancelled' | 'internal'
  readonly code: string
  readonly message: string
  readonly facts: Omit<ErrorFacts, 'cause'>
}

/** Packs an error for another thread; its cause stays behind. */
export function packError(error: unknown): PackedError {
  if (!(error instanceof StasisError)) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { branch: 'internal', code: 'INTERNAL', message, facts: {} }
  }
  const { code, message, operation, path, offset, hint } = error
  return { branch: branchOf(error), code, message, facts: { operation, path, offset, hint } }
}

/** The error again. */
export function unpackError({ branch, code, message, facts }: PackedError): StasisError {
  switch (branch) {
    case 'image':
      return new ImageError(code as ImageErrorCode, message, facts)
    case 'storage':
      return new StorageError(code as StorageErrorCode, message, facts)
    case 'cancelled':
      return new CancelledError(facts.operation ?? message)
    case 'internal':
      return new InternalError(message, facts)
  }
}

function branchOf(error: StasisError): PackedError['branch'] {
  if (error instanceof ImageError) return 'image'
  if (error instanceof StorageError) return 'storage'
  return error instanceof CancelledError ? 'cancelled' : 'internal'
}
