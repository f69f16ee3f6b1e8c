import type { MigrationFeatures } from '../../migration/features.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { LaunchNeeds } from '../machine/launch-needs.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'

/**
 * How memory comes back. `load`: all of it before the guest runs. `map`: a file becomes the guest's memory. `lazy`: while the guest
 * runs, each page when it is touched and the others in the background.
 */
export type RestoreMode = 'map' | 'lazy' | 'load'

/** A QEMU that was launched with a source's `launchNeeds` and waits for its machine. */
export interface WaitingQemu {
  readonly control: QmpConnection
  /** Its pid; `undefined` when the caller started it. */
  readonly pid: number | undefined
  /** Nobody has changed its migration settings since it started. */
  readonly fresh: boolean
  /** What it can do in a migration. Only sources that need it ask. */
  readonly features: () => Promise<MigrationFeatures>
}

/** What a long step of a source is given. */
export interface BringOptions {
  readonly signal: AbortSignal | undefined
  readonly report: OnProgress<RestoreProgress>
}

/** How the machine came into QEMU. */
export interface Brought {
  readonly mode: RestoreMode
  /** All memory is in QEMU. */
  readonly allMemory: boolean
  /** Why it came in another way than the one that was chosen; `undefined` when it did not. */
  readonly otherwise?: string | undefined
}

/** The last step of a restore, when nothing else needs the processors. */
export type HandOver = () => Promise<void>

/**
 * Where a restored machine comes from, in one of the ways in which it can come. In this order: launch QEMU with `launchNeeds`, `bring`
 * the machine, `resume` the guest, `detach`, dispose. The image must stay open until then. Disposing a source that is not detached
 * ends all that it began, and disposing twice is harmless.
 */
export interface MemorySource extends AsyncDisposable {
  readonly launchNeeds: LaunchNeeds
  /**
   * Puts the devices into QEMU, and as much of the memory as the guest needs before it can run.
   * @throws ImageError naming file and offset, StorageError, QemuError, CancelledError
   */
  bring(qemu: WaitingQemu, options: BringOptions): Promise<Brought>
  /**
   * Lets the guest run. Calls `onRunning` once, as soon as the guest runs or may run, even if this then fails: from there on nobody
   * may take the guest back.
   * @throws ImageError, StorageError, QemuError, CancelledError
   */
  resume(
    control: QmpConnection,
    options: { readonly signal: AbortSignal | undefined; readonly onRunning: () => void },
  ): Promise<void>
  /**
   * Lets what the guest still needs outlive this restore. A source that goes on reading the image takes it out of `image`, which would
   * close it, and closes it itself.
   */
  detach(image: AsyncDisposableStack): HandOver
}
