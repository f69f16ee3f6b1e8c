/** The directory, memory content and QEMU of a benchmark. */
export interface BenchSetting {
  /** A directory on the disk to measure. */
  readonly directory: string
  /** The content of the filled part of the guest's RAM, in memory; repeated if it is shorter. */
  readonly contentPath: string
  readonly ramBytes: number
  /** The QEMU to measure. */
  readonly emulator: string
  /** Whether it maps a `stasis` image in place: since QEMU 8.1. */
  readonly mapsInPlace: boolean
  /** How many channels the saves have that compare that. */
  readonly channels: readonly number[]
  /** Another checkout of Stasis, whose commands are measured too. */
  readonly against: string | undefined
  /** Whether the images of a save are restored afterwards. */
  readonly keepsImages: boolean
  /** On how many processors all of it runs; `undefined` for all that there are. */
  readonly processors?: number
  /** Whether a scenario of this name is measured. */
  readonly isChosen: (name: string) => boolean
}

/** How much of the guest's RAM is filled. */
export function filledBytes({ ramBytes }: Pick<BenchSetting, 'ramBytes'>): number {
  return (ramBytes * 3) / 4
}
