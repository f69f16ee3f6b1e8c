/** The directory, memory content and QEMU of a benchmark. */
export interface BenchSetting {
  /** A directory on the disk to measure. */
  readonly directory: string
  /** The content of the filled part of the guest's RAM, in memory. */
  readonly filledPath: string
  readonly ramBytes: number
  /** The QEMU to measure. */
  readonly emulator: string
  /** Whether it maps a `stasis` image in place: since QEMU 8.1. */
  readonly mapsInPlace: boolean
  readonly rounds: number
  /** Another checkout of Stasis, whose commands are measured too. */
  readonly against: string | undefined
}
