import type { DirectoryOptions } from './directories.ts'
import type { HostThatIsOff } from './host-that-is-off.ts'

/** The options of every operation on domains. */
export interface DomainOptions extends DirectoryOptions {
  /** Ends the operation as if it had not begun; it then fails with `CancelledError`. */
  readonly signal?: AbortSignal | undefined
  /**
   * In a shared state directory: this host has the domain and is off, so that nothing of it can run any more, and the host of this process takes the domain over. If it still
   * runs the domain, the domain runs twice. A domain that no host has is not taken over, and one that another host has now is refused.
   */
  readonly takeOver?: HostThatIsOff | undefined
  /** A file for Prometheus' node exporter, written after each save, restore, start, end or conversion. Default: that of the configuration. */
  readonly metricsFile?: string | undefined
}

/** Options of operations that can succeed in part. */
export interface WarningOptions {
  /** Called with a warning, such as that a power cut may undo a change. The operation still succeeds. */
  readonly onWarning?: ((text: string) => void) | undefined
}
