import type { CodecMethods } from './codec.ts'
import { zlib } from './zlib.ts'
import { zstd } from './zstd.ts'

/** Our codecs for the frames of a `stasis` image. They differ from QEMU's multifd compression and from libvirt's packings. */
export type Codec = 'zlib' | 'zstd'

/** The methods of each codec: one file and one line for each. */
export const CODECS: Readonly<Record<Codec, CodecMethods>> = { zlib, zstd }
