import type { MachineDescription } from '../../image/saved-machine.ts'
import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import type { CompressionLevel } from '../image-receiver.ts'

/** What an image is made with from a machine that is in a file already. */
export interface WriterOptions {
  readonly description: MachineDescription
  /** Of the machine, which its channels must name. */
  readonly uuid: string
  /** Files of a `channels` image, 1 to 64. */
  readonly channels: number
  /** What frames are compressed with; of `stasis`. */
  readonly codec: FrameCodec
  readonly compressionLevel: CompressionLevel
  /** Write past the page cache. */
  readonly direct: boolean
}
