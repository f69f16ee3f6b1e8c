import type { MigrationFeatures } from '../../migration/features.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { LaunchNeeds } from '../machine/launch/launch-needs.ts'
import type { QemuView } from '../machine/qemu-view.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'

/**
 * How memory is restored. `load`: all of it before the guest runs. `map`: a file becomes the guest's memory. `lazy`: while the guest runs, each page
 * when it is accessed and the others in the background.
 */
export type RestoreMode = 'map' | 'lazy' | 'load'

/** A QEMU that was launched with a source's `launchNeeds` and waits for its machine. */
export interface WaitingQemu {
  readonly control: QmpConnection
  /** Its pid; `undefined` when the caller started it. */
  readonly pid: number | undefined
  /** How it reaches the files that we share with it. */
  readonly view: QemuView
  /** No client has changed its migration settings since it started. */
  readonly fresh: boolean
  /** Its migration features. Only sources that need them query them. */
  readonly features: () => Promise<MigrationFeatures>
}

/** Options of a long step of a source. */
export interface BringOptions {
  readonly signal: AbortSignal | undefined
  readonly report: OnProgress<RestoreProgress>
}

/** Options for resuming the guest. */
export interface ResumeOptions {
  readonly signal: AbortSignal | undefined
  /** Called once, as soon as the guest runs or may run, even if resuming then fails: from then on nothing may discard the guest. */
  readonly onRunning: () => void
}

/** A file that a running guest needs: until all memory is loaded from it, or until the guest ends. */
export interface NeededFile {
  readonly path: string
  readonly until: 'memory-loaded' | 'guest-ends'
}

/** How the machine was loaded into QEMU. */
export interface Brought {
  readonly mode: RestoreMode
  /** All memory is in QEMU. */
  readonly allMemory: boolean
  /** The file that still has memory of the guest, and until when. */
  readonly needs?: NeededFile | undefined
  /** Why another way than the chosen one was used; `undefined` when it was not. */
  readonly otherwise?: string | undefined
}

/** The last step of a restore, when nothing else needs the processors. */
export type HandOver = () => Promise<void>

/**
 * The source of a restored machine, by one of the possible ways. In this order: launch QEMU with `launchNeeds`, `bring` the machine, `resume` the
 * guest, `detach`, dispose. The image must stay open until then. Disposing a source that is not detached ends everything that it began; disposing
 * twice is harmless.
 */
export interface MemorySource extends AsyncDisposable {
  readonly launchNeeds: LaunchNeeds
  /**
   * Loads the devices into QEMU, and as much of the memory as the guest needs before it can run.
   * @throws ImageError with file and offset, StorageError, QemuError, CancelledError
   */
  bring(qemu: WaitingQemu, options: BringOptions): Promise<Brought>
  /**
   * Resumes the guest.
   * @throws ImageError, StorageError, QemuError, CancelledError
   */
  resume(control: QmpConnection, options: ResumeOptions): Promise<void>
  /**
   * Lets everything that the guest still needs outlive this restore. A source that continues to read the image removes it from `image`, which would
   * close it, and closes it itself.
   */
  detach(image: AsyncDisposableStack): HandOver
}
