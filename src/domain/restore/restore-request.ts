import type { SaveFormat } from '../../image/save-format.ts'
import type { AllowOptions } from '../trust/allow-rules.ts'
import type { CloneRequest } from '../machine/clone-xml.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import type { NetworkOptions } from '../networks/network-target.ts'
import type { UnsupportedOptions } from '../machine/prepare-machine.ts'
import type { OnProgress, RestoreProgress } from '../progress/progress.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import type { DomainXml } from '../store/xml-text.ts'
import type { RestoreMode } from '../memory-sources/memory-source.ts'

/** Options of a restore. */
export interface RestoreOptions
  extends DomainOptions, UnsupportedOptions, AllowOptions, NetworkOptions {
  /** How memory is restored. Default `auto`: the first of map, lazy and load that image, QEMU and host allow and that is worthwhile. */
  readonly mode?: RestoreMode | 'auto' | undefined
  /** Restore as another domain, beside the saved one. */
  readonly clone?: CloneRequest | undefined
  /** Domain XML that replaces the image's; the guest must not see a difference. */
  readonly xml?: DomainXml | undefined
  /** Workers that read the image at the same time, 1 to 64. Default: one more than there are processors, at most 8. */
  readonly readers?: number | undefined
  /** Bypass the page cache. Default: for `stasis`. */
  readonly bypassCache?: boolean | undefined
  /** Whether the guest runs. Default: as before the save. */
  readonly resumeAs?: ResumedState | undefined
  /** Restore even though a guest was resumed from the image before, or ran without it, and has written to its disks since. */
  readonly force?: boolean | undefined
  /** Give the image a second name beside it (a hard link) for as long as its memory is loaded while the guest runs. A warning where that is not possible. */
  readonly keepImage?: boolean | undefined
  /** Set the guest's clock through the agent inside it, once it runs. */
  readonly syncTime?: boolean | undefined
  /** Make the UEFI variable store anew from its template. The guest keeps the part of the old store that is in its memory, and writes it back. Default: false. */
  readonly resetNvram?: boolean | undefined
  /** Give the guest another generation id, because it may be resumed more than once. */
  readonly newGenid?: boolean | undefined
  /**
   * Further conditions to wait for after the guest runs, so that the result contains their times: until all memory is in QEMU; until the guest first
   * writes to a serial port that goes to a file.
   */
  readonly wait?: 'memory' | 'output' | 'both' | undefined
  readonly onProgress?: OnProgress<RestoreProgress> | undefined
}

/** How long the parts of a restore took, in milliseconds. */
export interface RestoreTiming {
  /** Until the guest ran. */
  readonly totalMs: number
  /** Until QEMU was started and its machine was ready to load. */
  readonly startMs: number
  readonly loadMs: number
  readonly resumeMs: number
  /** From the start of the restore until the device state was in QEMU. */
  readonly deviceStateMs: number
  /** From the start of the restore until the guest first wrote to its serial port; `undefined` when the restore did not wait for that. */
  readonly firstOutputMs: number | undefined
  /**
   * From the start of the restore until all memory was in QEMU; `undefined` when the restore did not wait for that (lazy) or it never happens (map).
   */
  readonly allRamMs: number | undefined
}

/** An image that the restored guest still needs. Deleting it may cost the guest its memory. */
export interface ImageNeeded {
  readonly path: string
  /** `memory-loaded`: until all memory was loaded (lazy; `waitForDomainMemory`). `guest-ends`: until the guest ends (map). */
  readonly until: 'memory-loaded' | 'guest-ends'
  /** The second name of the file. Present if `keep` asked for one and the file system has hard links. Stasis removes the name when it is no longer needed. */
  readonly kept: string | undefined
}

/** A domain that was in a file and now runs. */
export interface RestoreResult {
  readonly name: string
  readonly uuid: string
  /** The pid of its QEMU. */
  readonly id: number
  readonly path: string
  readonly format: SaveFormat
  readonly state: ResumedState
  readonly mode: RestoreMode
  /** The reason for this mode. */
  readonly modeReason: string
  /** The image, if the guest still needs it; `undefined` when it does not. */
  readonly imageNeeded: ImageNeeded | undefined
  /** Guest memory. */
  readonly ramBytes: number
  readonly timing: RestoreTiming
  readonly throughputBytesPerSecond: number
}
