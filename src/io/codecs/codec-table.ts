import type { CodecMethods } from './codec.ts'
import { zlib } from './zlib.ts'
import { zstd } from './zstd.ts'

/** Our codecs: what the frames of a `stasis` image are compressed with. QEMU's multifd compression and libvirt's packings are others. */
export type Codec = 'zlib' | 'zstd'

/** The methods of each codec: one file and one line for each. */
export const CODECS: Readonly<Record<Codec, CodecMethods>> = { zlib, zstd }
