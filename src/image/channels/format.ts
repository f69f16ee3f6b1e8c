import type { MultifdCompression } from '../../wire/multifd-packet.ts'
import type { ImageFormat } from '../image-format.ts'
import { channelPath } from './channel-path.ts'

/** The numbers of the header's compression word. They are ours: QEMU's depend on how it was built (docs/format/libvirt-header.md). */
const COMPRESSION_NUMBERS: Readonly<Record<MultifdCompression, number>> = {
  none: 0,
  zlib: 1,
  zstd: 2,
}

/** `channels`: QEMU's multifd streams, a file each (docs/format/channels.md). */
export const channelsFormat: ImageFormat = {
  name: 'channels',
  number: 0x5343,
  traits: {
    transport: 'multifd',
    compression: { by: 'multifd' },
    bypassesCache: { save: false, restore: false },
    checksummedPages: false,
    checksums: 'files',
    extensionCompressions: COMPRESSION_NUMBERS,
    files: (path, channels) => [
      path,
      ...Array.from({ length: channels }, (_, channel) => channelPath(path, channel)),
    ],
  },
}

/** Whether a compression that a header names is one of QEMU's. */
export function isMultifdCompression(name: string): name is MultifdCompression {
  return Object.hasOwn(COMPRESSION_NUMBERS, name)
}
