import type { SaveFormat } from '../../image/save-format.ts'
import { openChannelsReceiver } from './channels.ts'
import { openRawReceiver } from './raw.ts'
import type { ImageReceiver, ImageReceiverOptions } from '../image-receiver.ts'
import { openSparseReceiver } from './sparse.ts'
import { openStasisReceiver } from './stasis.ts'
import { openStreamReceiver } from './stream.ts'

/** The receiver of each format: one line for each. */
const RECEIVERS: Readonly<
  Record<SaveFormat, (options: ImageReceiverOptions) => Promise<ImageReceiver>>
> = {
  stasis: openStasisReceiver,
  raw: openRawReceiver,
  gzip: openStreamReceiver('gzip'),
  bzip2: openStreamReceiver('bzip2'),
  xz: openStreamReceiver('xz'),
  lzop: openStreamReceiver('lzop'),
  zstd: openStreamReceiver('zstd'),
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
