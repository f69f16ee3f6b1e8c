/** The methods of one codec. A codec compresses pieces of memory, each by itself. */
export interface CodecMethods {
  /** The levels that a caller may request. */
  readonly levels: readonly [least: number, most: number]
  /** The levels between which an adaptive save moves, fastest first. Each costs least for its size. */
  readonly ladder: readonly number[]
  /** A compressor that works on the calling thread. */
  makeCompressor(): Compressor
  /** A compressor that works on the thread pool. Several of them work at the same time. */
  makePoolCompressor(): PoolCompressor
  /** A decompressor that works on the calling thread. */
  makeDecompressor(): Decompressor
  /**
   * Decompresses one piece into given memory on the thread pool; returns its length. Rejects when the piece is damaged or
   * does not fit. At most 256 calls may be pending.
   */
  decompress(stored: Uint8Array, target: Uint8Array): Promise<number>
}

/** Compresses pieces of memory, one after another, into given memory. */
export interface Compressor {
  /** Returns the length of the result, or `undefined` when it does not fit into `target`. */
  compress(bytes: Uint8Array, target: Uint8Array, level: number): number | undefined
}

/** A compressor that works on the thread pool, one piece at a time. Do not dispose it while it works. */
export interface PoolCompressor extends Disposable {
  /** Returns the length of the result, or `undefined` when it does not fit into `target`. */
  compress(bytes: Uint8Array, target: Uint8Array, level: number): Promise<number | undefined>
}

/** Decompresses one piece after another into given memory. Throws where `CodecMethods.decompress` rejects. */
export type Decompressor = (stored: Uint8Array, target: Uint8Array) => number
