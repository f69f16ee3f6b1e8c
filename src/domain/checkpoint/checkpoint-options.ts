import type { OnProgress, SaveProgress } from '../progress/progress.ts'
import type { SaveRequest } from '../save/save-options.ts'
import type { DomainOptions, WarningOptions } from '../store/domain-options.ts'
import type { DiskRequest } from './disks/disk-choice.ts'

/** How to make a checkpoint. */
export interface CheckpointOptions
  extends DomainOptions, WarningOptions, Omit<SaveRequest, 'digest'> {
  readonly description?: string | undefined
  /** Without the memory: the disks are as after a power cut, or, with `quiesce`, as after an orderly unmount. */
  readonly diskOnly?: boolean | undefined
  /** Stop the guest while its memory is written. Default: it continues as soon as possible. */
  readonly stopped?: boolean | undefined
  /** Freeze the file systems of the guest through the agent inside it for the instant. */
  readonly quiesce?: boolean | 'if-possible' | undefined
  /** The image of the memory. Default: in the state directory. */
  readonly memoryPath?: string | undefined
  /**
   * Store only the pages of the memory that differ from the checkpoint before. Default: yes, in an image of the format `stasis` that is compressed and that Stasis keeps. An image without
   * compression is stored whole, so that it can be mapped.
   */
  readonly incremental?: boolean | undefined
  /** What to do with single disks. Default: an overlay beside each disk that the guest can write to. */
  readonly disks?: readonly DiskRequest[] | undefined
  readonly onProgress?: OnProgress<SaveProgress> | undefined
}
