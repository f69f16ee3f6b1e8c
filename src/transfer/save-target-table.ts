import { openChannelsTarget } from './channels-target.ts'
import { openRawTarget } from './raw-target.ts'
import type { SaveTarget, SaveTargetOptions } from './save-target.ts'
import { openStasisTarget } from './stasis-target.ts'

/** The formats that a machine can be saved in, the default first. */
export const TARGET_FORMATS = ['stasis', 'raw', 'channels'] as const

export type TargetFormat = (typeof TARGET_FORMATS)[number]

/** Who writes which format: one file and one line for each. */
const TARGETS: Readonly<Record<TargetFormat, (options: SaveTargetOptions) => Promise<SaveTarget>>> =
  {
    stasis: openStasisTarget,
    raw: openRawTarget,
    channels: openChannelsTarget,
  }

/** Opens the receiving end of a save in a format. @throws StorageError, UsageError */
export async function openSaveTarget(
  format: TargetFormat,
  options: SaveTargetOptions,
): Promise<SaveTarget> {
  return TARGETS[format](options)
}
