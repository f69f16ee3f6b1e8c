import type { DirectoryOptions } from './directories.ts'

/** The options of every operation on domains. */
export interface DomainOptions extends DirectoryOptions {
  /** Ends the operation as if it had not begun; it then fails with `CancelledError`. */
  readonly signal?: AbortSignal | undefined
  /**
   * In a shared state directory: the host that has the domain is off, so that nothing of it can run any more, and this host takes the domain over. If that host still
   * runs it, the domain runs twice. Default: false.
   */
  readonly takeOver?: boolean | undefined
  /** A file for Prometheus' node exporter, written after each save, restore, start, end or conversion. Default: that of the configuration. */
  readonly metricsFile?: string | undefined
}

/** Options of operations that can succeed in part. */
export interface WarningOptions {
  /** Called with a warning, such as that a power cut may undo a change. The operation still succeeds. */
  readonly onWarning?: ((text: string) => void) | undefined
}
