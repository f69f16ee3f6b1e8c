import * as zlib from 'node:zlib'
import type { Inflate, ZstdDecompress } from 'node:zlib'
import type { MultifdCompression } from '../../wire/multifd-packet.ts'

const OPTIONS = { chunkSize: 1024 * 1024 }

const ENGINES: Readonly<
  Record<Exclude<MultifdCompression, 'none'>, () => Inflate | ZstdDecompress>
> = {
  zlib: () => zlib.createInflate(OPTIONS),
  zstd: () => zlib.createZstdDecompress(OPTIONS),
}

/** The stream of a channel that QEMU compressed: pieces that were each flushed and decompress to a known number of bytes. */
export class Inflater implements Disposable {
  readonly #engine: Inflate | ZstdDecompress
  #target: Uint8Array = new Uint8Array(0)
  #fill = 0
  #failure: Error | undefined
  #settle: (() => void) | undefined

  constructor(compression: Exclude<MultifdCompression, 'none'>) {
    this.#engine = ENGINES[compression]()
    this.#engine.on('data', (bytes: Buffer) => this.#take(bytes))
    this.#engine.on('error', (error: Error) => this.#fail(error))
  }

  /** Decompresses the next piece, which must fill `target`. Rejects when it is damaged, or has more or fewer bytes. */
  async next(piece: Uint8Array, target: Uint8Array): Promise<void> {
    this.#target = target
    this.#fill = 0
    await new Promise<void>((resolve) => {
      this.#settle = resolve
      if (this.#failure !== undefined) resolve()
      this.#engine.write(piece, () => {
        // Its output may not have arrived yet.
        setImmediate(() => {
          if (this.#fill < target.length)
            this.#failure ??= new Error(`a piece ends at ${this.#fill} of ${target.length} bytes`)
          resolve()
        })
      })
    })
    if (this.#failure !== undefined) throw this.#failure
  }

  [Symbol.dispose](): void {
    this.#engine.destroy()
  }

  #take(bytes: Buffer): void {
    if (this.#fill + bytes.length > this.#target.length) {
      this.#fail(new Error(`a piece has more than ${this.#target.length} bytes`))
      return
    }
    this.#target.set(bytes, this.#fill)
    this.#fill += bytes.length
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#settle?.()
  }
}
