import type { SaveFormat } from '../../image/save-format.ts'
import { openChannelsReceiver } from './channels.ts'
import { openRawReceiver } from './raw.ts'
import type { ImageReceiver, ImageReceiverOptions, ReceiverStart } from '../image-receiver.ts'
import { openSparseReceiver } from './sparse.ts'
import { startStasisReceiver } from './stasis.ts'
import { openStreamReceiver } from './stream.ts'

/** The receiver of each format: one line for each. */
const RECEIVERS: Readonly<
  Record<SaveFormat, (options: Pick<ImageReceiverOptions, 'codec' | 'channels'>) => ReceiverStart>
> = {
  stasis: startStasisReceiver,
  raw: withoutThreads(openRawReceiver),
  gzip: withoutThreads(openStreamReceiver('gzip')),
  bzip2: withoutThreads(openStreamReceiver('bzip2')),
  xz: withoutThreads(openStreamReceiver('xz')),
  lzop: withoutThreads(openStreamReceiver('lzop')),
  zstd: withoutThreads(openStreamReceiver('zstd')),
  sparse: withoutThreads(openSparseReceiver),
  channels: withoutThreads(openChannelsReceiver),
}

/** Starts the receiving end of a save in a format. @throws StorageError when the host has no thread left */
export function startImageReceiver(
  format: SaveFormat,
  options: Pick<ImageReceiverOptions, 'codec' | 'channels'>,
): ReceiverStart {
  return RECEIVERS[format](options)
}

function withoutThreads(
  open: (options: ImageReceiverOptions) => Promise<ImageReceiver>,
): () => ReceiverStart {
  return () => ({ open, [Symbol.asyncDispose]: () => Promise.resolve() })
}
