/** Where a benchmark works, and on what. */
export interface BenchSetting {
  /** On the disk that is measured. */
  readonly directory: string
  /** The content of the filled part of the guest's RAM, in memory. */
  readonly filledPath: string
  readonly ramBytes: number
  /** The newest QEMU at hand: 10. */
  readonly newest: string
  readonly rounds: number
}
