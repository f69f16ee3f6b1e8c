/** What a compression thread is started with. */
export interface CompressThreadData {
  readonly codec: 'zlib' | 'zstd'
  /** Memory that slots and results lie in, seen by both sides. */
  readonly input: SharedArrayBuffer
  readonly output: SharedArrayBuffer
}

/** Compress these segments of a slot. */
export interface CompressJob {
  readonly id: number
  readonly level: number
  /** Byte offset of the place for results, `OUTPUT_LENGTH` long. */
  readonly outputOffset: number
  readonly segments: readonly { readonly inputOffset: number; readonly pageCount: number }[]
}

/** One frame made of a segment. */
export interface CompressedPiece {
  /** Position in `CompressJob.segments`. */
  readonly segment: number
  /** From the first page of the segment. */
  readonly firstPage: number
  readonly pageCount: number
  /** Whether its bytes are in the output; otherwise they are the pages themselves, in the input. */
  readonly compressed: boolean
  /** Byte offset in the output or input. */
  readonly offset: number
  readonly length: number
  /** crc32c of the stored bytes. */
  readonly crc: number
}

/** What a thread answers. */
export interface CompressAnswer {
  readonly id: number
  readonly pieces: readonly CompressedPiece[]
}

/** Room for the results of one slot: a piece takes at most what its pages take. */
export const OUTPUT_LENGTH: number = 1024 * 1024
