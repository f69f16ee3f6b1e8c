import type { SaveFormat } from '../../image/save-format.ts'
import type { CloneRequest } from '../machine/clone-xml.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import type { UnsupportedOptions } from '../machine/prepare-machine.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import type { DomainXml } from '../store/xml-text.ts'
import type { RestoreMode } from '../memory-sources/memory-source.ts'

/** How to restore. */
export interface RestoreOptions extends DomainOptions, UnsupportedOptions {
  /** How memory comes back. Default `auto`: the first of map, lazy and load that image, QEMU and host allow and that is worth it. */
  readonly mode?: RestoreMode | 'auto' | undefined
  /** Restore as another domain, beside the one that was saved. */
  readonly clone?: CloneRequest | undefined
  /** Domain XML to use in place of the image's; the guest must not see a difference. */
  readonly xml?: DomainXml | undefined
  /** Workers that read the image at the same time, 1 to 64. Default: the number of processors, at most 8. */
  readonly readers?: number | undefined
  /** Read past the page cache. Default: for `stasis`. */
  readonly bypassCache?: boolean | undefined
  /** What the guest shall do. Default: what it did when it was saved. */
  readonly resumeAs?: ResumedState | undefined
  /** Restore it even though its guest ran on from it before, or without it, and has written to its disks since. */
  readonly force?: boolean | undefined
  /** Set the guest's clock through the agent inside it, once it runs. */
  readonly syncTime?: boolean | undefined
  /** Give the guest another generation id, for it may go on more than once. */
  readonly newGenid?: boolean | undefined
  /**
   * What to wait for besides the guest to run, so that the result has its time: until all memory is in QEMU; until the guest first
   * writes to a serial port that goes to a file.
   */
  readonly wait?: 'memory' | 'output' | 'both' | undefined
  readonly onProgress?: OnProgress<RestoreProgress> | undefined
}

/** Where the time of a restore went, in milliseconds. */
export interface RestoreTiming {
  /** Until the guest ran. */
  readonly totalMs: number
  /** Until QEMU was started and its machine stood empty. */
  readonly startMs: number
  readonly loadMs: number
  readonly resumeMs: number
  /** From the start of the restore until the device state was in QEMU. */
  readonly deviceStateMs: number
  /** From the start of the restore until the guest first wrote to its serial port; `undefined` when that was not waited for. */
  readonly firstOutputMs: number | undefined
  /**
   * From the start of the restore until all memory was in QEMU; `undefined` when that was not waited for (lazy) or never will be so
   * (map).
   */
  readonly allRamMs: number | undefined
}

/** A domain that was in a file and runs now. */
export interface RestoreResult {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU. */
  readonly id: number
  readonly path: string
  readonly format: SaveFormat
  readonly state: ResumedState
  readonly mode: RestoreMode
  /** Why this mode, and not another. */
  readonly modeReason: string
  /** Guest memory. */
  readonly ramBytes: number
  readonly timing: RestoreTiming
  readonly throughputBytesPerSecond: number
}
