/**
 * The errors alone, for code that only handles errors. The entry `stasis` also has them.
 * @module stasis/errors
 */

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
  XmlProblem,
  XmlProblemCode,
  ErrorChanges,
  ErrorFacts,
  ImageErrorCode,
  QemuErrorCode,
  StasisErrorCode,
  StasisErrorWithCode,
  Space,
  StorageErrorCode,
  UsageErrorCode,
} from '../errors.ts'
