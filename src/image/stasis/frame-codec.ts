import type { Codec } from '../../io/codecs/codec-table.ts'

/** How the pages of a frame are stored: by a codec, or unchanged. */
export type FrameCodec = 'none' | Codec

/** The numbers of codecs, in a frame's record and in the header (docs/format/stasis.md, "Frames"). */
export const FRAME_CODEC_NUMBERS: Readonly<Record<FrameCodec, number>> = {
  none: 0,
  zlib: 1,
  zstd: 2,
}

/** The names of all codecs of frames. */
export const FRAME_CODECS: readonly FrameCodec[] = Object.keys(FRAME_CODEC_NUMBERS) as FrameCodec[]

/** The codecs, each at the place of its number. */
export const CODECS_BY_NUMBER: readonly (FrameCodec | undefined)[] = byNumber()

function byNumber(): readonly (FrameCodec | undefined)[] {
  const codecs: (FrameCodec | undefined)[] = []
  for (const codec of FRAME_CODECS) codecs[FRAME_CODEC_NUMBERS[codec]] = codec
  return codecs
}
