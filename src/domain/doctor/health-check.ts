import type { StasisError } from '../../errors.ts'
import type { SystemUser } from '../../qemu/process/system-user.ts'
import type { Directories } from '../store/directories.ts'

/** `error`: something that Stasis needs does not work. `warning`: it works, but less safely or less well than it could. */
export type Verdict = 'ok' | 'warning' | 'error'

/** One result of a check of this host. */
export interface Diagnosis {
  readonly verdict: Verdict
  /** The result, in a sentence. */
  readonly text: string
  /** A remedy that a person can apply. */
  readonly remedy?: string | undefined
  /** The remedy of `--fix`; returns a sentence about it. @throws StasisError */
  readonly fix?: (() => Promise<string>) | undefined
  /** With an `error`: the error with which a command fails because of it. */
  readonly cause?: StasisError | undefined
}

/** The host and caller that are checked. */
export interface CheckedHost {
  readonly directories: Directories
  readonly root: boolean
  /** The user that QEMU changes to. */
  readonly user: SystemUser | undefined
  /** Another directory for images. */
  readonly saveDir?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** One check of this host. It changes nothing. */
export interface HealthCheck {
  /** One or two words, for `--json` too: `qemu-user`. */
  readonly name: string
  look(host: CheckedHost): Promise<readonly Diagnosis[]>
}

/** The result that something is right. */
export function right(text: string): Diagnosis {
  return { verdict: 'ok', text }
}
