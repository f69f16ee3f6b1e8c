import type { DirectoryOptions } from './directories.ts'

/** What every act on domains takes. */
export interface DomainOptions extends DirectoryOptions {
  /** Ends the act as if it had not begun; it then fails with `CancelledError`. */
  readonly signal?: AbortSignal | undefined
}
