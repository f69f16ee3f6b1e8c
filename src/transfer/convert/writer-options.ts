import type { Compression } from '../../image/header.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import type { CompressionLevel } from '../image-receiver.ts'

/** What an image is made with from a machine that is in a file already. */
export interface WriterOptions {
  readonly description: MachineDescription
  /** Of the machine, which its channels must name. */
  readonly uuid: string
  /** Files of a `channels` image, 1 to 64. */
  readonly channels: number
  readonly compression: Compression
  readonly compressionLevel: CompressionLevel
  /** Write past the page cache. */
  readonly direct: boolean
}
