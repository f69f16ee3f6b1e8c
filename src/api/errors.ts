// What is public as `stasis/errors`: the error tree alone, for code that only looks at errors.

export {
  CancelledError,
  DomainError,
  DomainXmlError,
  ImageError,
  InternalError,
  QemuError,
  StasisError,
  StorageError,
  UsageError,
} from '../errors.ts'
export type {
  AnyStasisError,
  DomainErrorCode,
  DomainXmlErrorCode,
  ErrorChanges,
  ErrorFacts,
  ImageErrorCode,
  QemuErrorCode,
  StasisErrorCode,
  StasisErrorWithCode,
  StorageErrorCode,
  UsageErrorCode,
} from '../errors.ts'
