import type { DirectoryOptions } from './directories.ts'

/** The options of every operation on domains. */
export interface DomainOptions extends DirectoryOptions {
  /** Ends the operation as if it had not begun; it then fails with `CancelledError`. */
  readonly signal?: AbortSignal | undefined
  /** A file for Prometheus' node exporter, written after each save, restore, start, end or conversion. Default: that of the configuration. */
  readonly metricsFile?: string | undefined
}

/** Options of operations that can succeed in part. */
export interface WarningOptions {
  /** Called with a warning, such as that a power cut may undo a change. The operation still succeeds. */
  readonly onWarning?: ((text: string) => void) | undefined
}
