import { SAVE_FORMATS, type SaveFormat } from '../../image/save-format.ts'
import { openChannelsTarget } from './channels.ts'
import { openPackedTarget } from './packed.ts'
import { openRawTarget } from './raw.ts'
import type { SaveTarget, SaveTargetOptions } from '../image-receiver.ts'
import { openSparseTarget } from './sparse.ts'
import { openStasisTarget } from './stasis.ts'

/** The formats that a machine can be saved in, the default first. */
export const TARGET_FORMATS: readonly SaveFormat[] = [
  'stasis',
  ...SAVE_FORMATS.filter((format) => format !== 'stasis'),
]

export type TargetFormat = SaveFormat

/** Who writes which format: one file and one line for each. */
const TARGETS: Readonly<Record<TargetFormat, (options: SaveTargetOptions) => Promise<SaveTarget>>> =
  {
    stasis: openStasisTarget,
    raw: openRawTarget,
    gzip: openPackedTarget('gzip'),
    bzip2: openPackedTarget('bzip2'),
    xz: openPackedTarget('xz'),
    lzop: openPackedTarget('lzop'),
    zstd: openPackedTarget('zstd'),
    sparse: openSparseTarget,
    channels: openChannelsTarget,
  }

/** Opens the receiving end of a save in a format. @throws StorageError, UsageError */
export async function openSaveTarget(
  format: TargetFormat,
  options: SaveTargetOptions,
): Promise<SaveTarget> {
  return TARGETS[format](options)
}
