import { MULTIFD_COMPRESSIONS, type MultifdCompression } from '../wire/multifd-packet.ts'
import { FRAME_CODECS, type FrameCodec } from './stasis/frame-codec.ts'

/** The compression of the memory in an image, where a caller may choose: a codec of ours (`stasis`) or QEMU's multifd compression (`channels`). */
export type Compression = FrameCodec | MultifdCompression

/** The names of all compressions. */
export const COMPRESSIONS: readonly Compression[] = [
  ...new Set<Compression>([...FRAME_CODECS, ...MULTIFD_COMPRESSIONS]),
]
