/** Where a benchmark works, and on what. */
export interface BenchSetting {
  /** On the disk that is measured. */
  readonly directory: string
  /** The content of the filled part of the guest's RAM, in memory. */
  readonly filledPath: string
  readonly ramBytes: number
  /** The QEMU that is measured. */
  readonly emulator: string
  /** Whether it maps a `stasis` image where it lies: since QEMU 8.1. */
  readonly mapsInPlace: boolean
  readonly rounds: number
}
