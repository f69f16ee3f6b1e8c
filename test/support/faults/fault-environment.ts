import { join } from 'node:path'

/** The environment of a command whose calls pass the fault layer. */
export interface FaultOptions {
  /**
   * `CALL:ERROR:N:WHERE`: the Nth such call fails whose path contains WHERE, or that comes from the place `@KEY`. ERROR is an errno, `SHORT` (fewer bytes), `ZERO`
   * (the end) or `KILL` (the process is killed before the call).
   */
  readonly fault?: string
  /** A file that is made when the fault happens, with a line about it. Without it the line goes to the standard error. */
  readonly fired?: string
  /** A file for all places that the command passes. */
  readonly record?: string
  /** A file for all changes of files. */
  readonly journal?: string
  /** The directory of the test: paths are reported from there on, and only its changes are recorded. */
  readonly within?: string
}

export function faultEnvironment(options: FaultOptions): Readonly<Record<string, string>> {
  const { fault, fired, record, journal, within } = options
  return {
    NODE_OPTIONS: `--require=${join(import.meta.dirname, 'layer.ts')} --disable-warning=ExperimentalWarning`,
    ...(fault !== undefined && { STASIS_FAULT: fault }),
    ...(fired !== undefined && { STASIS_FAULT_FIRED: fired }),
    ...(record !== undefined && { STASIS_FAULT_RECORD: record }),
    ...(journal !== undefined && { STASIS_JOURNAL: journal }),
    ...(within !== undefined && { STASIS_FAULT_DIR: within }),
  }
}
