import type { ImageFormat } from '../image-format.ts'
import { FRAME_CODEC_NUMBERS } from './frame-codec.ts'

/** `stasis`: a container of frames, each checksummed (docs/format/stasis.md). */
export const stasisFormat: ImageFormat = {
  name: 'stasis',
  number: 0x5354,
  traits: {
    transport: 'multifd',
    compression: { by: 'codec', default: 'zstd' },
    bypassesCache: { save: true, restore: true },
    checksummedPages: true,
    checksums: 'frames',
    extensionCompressions: FRAME_CODEC_NUMBERS,
    files: (path) => [path],
  },
}
