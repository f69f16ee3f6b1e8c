import type { SaveFormat } from '../../image/save-format.ts'
import { openChannelsReceiver } from './channels.ts'
import { openPackedReceiver } from './packed.ts'
import { openRawReceiver } from './raw.ts'
import type { ImageReceiver, ImageReceiverOptions } from '../image-receiver.ts'
import { openSparseReceiver } from './sparse.ts'
import { openStasisReceiver } from './stasis.ts'

/** The receiver of each format: one line for each. */
const RECEIVERS: Readonly<
  Record<SaveFormat, (options: ImageReceiverOptions) => Promise<ImageReceiver>>
> = {
  stasis: openStasisReceiver,
  raw: openRawReceiver,
  gzip: openPackedReceiver('gzip'),
  bzip2: openPackedReceiver('bzip2'),
  xz: openPackedReceiver('xz'),
  lzop: openPackedReceiver('lzop'),
  zstd: openPackedReceiver('zstd'),
  sparse: openSparseReceiver,
  channels: openChannelsReceiver,
}

/** Opens the receiving end of a save in a format. @throws StorageError, UsageError */
export async function openImageReceiver(
  format: SaveFormat,
  options: ImageReceiverOptions,
): Promise<ImageReceiver> {
  return RECEIVERS[format](options)
}
