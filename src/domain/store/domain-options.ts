import type { DirectoryOptions } from './directories.ts'

/** The options of every operation on domains. */
export interface DomainOptions extends DirectoryOptions {
  /** Ends the operation as if it had not begun; it then fails with `CancelledError`. */
  readonly signal?: AbortSignal | undefined
}
