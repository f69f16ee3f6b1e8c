import type { DigestRequest } from '../../image/new-image.ts'
import type { NewDescription } from '../../image/saved-machine.ts'
import type { SpecialTarget } from '../../io/files/special/special-target.ts'
import type { FrameCodec } from '../../image/stasis/frame-codec.ts'
import type { CompressionLevel } from '../image-receiver.ts'
import type { BaseImage } from './differences.ts'

/** The inputs for writing an image of a machine that is already in a file. */
export interface WriterOptions {
  readonly description: NewDescription
  /** UUID of the machine, which its channels must contain. */
  readonly uuid: string
  /** Files of a `channels` image, 1 to 64. */
  readonly channels: number
  /** The codec for frames; for `stasis`. */
  readonly codec: FrameCodec
  readonly compressionLevel: CompressionLevel
  /** Bypass the page cache. */
  readonly direct: boolean
  /** Where the image goes instead of a new file, for single-stream formats; the caller closes it. */
  readonly target?: SpecialTarget | undefined
  /** Keep the digests of the pages beside the image, and write only those that another image does not have; for `stasis`. */
  readonly pageDigests?: { readonly base?: BaseImage | undefined } | undefined
  /** Write a digest beside the image; for libvirt's formats. */
  readonly digest?: DigestRequest | undefined
}
