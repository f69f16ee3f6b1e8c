import { availableParallelism } from 'node:os'
import type { StreamSink } from '../stream-sink.ts'
import type { PackingMethods } from './packing.ts'

/** Compresses a stream piece by piece, as many pieces at once as there are processors, and appends them to another sink in their order. */
export class StreamPacker implements StreamSink {
  readonly #appender: StreamSink
  readonly #packing: PackingMethods
  readonly #level: number
  readonly #ahead: number = availableParallelism() + 1
  readonly #spare: Uint8Array<ArrayBuffer>[] = []
  readonly #underWay: Promise<void>[] = []
  #piece: Uint8Array<ArrayBuffer> | undefined
  #fill = 0
  #order: Promise<void> = Promise.resolve()
  #failure: unknown

  constructor(appender: StreamSink, packing: PackingMethods, level: number = packing.defaultLevel) {
    this.#appender = appender
    this.#packing = packing
    this.#level = level
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#piece === undefined) {
        while (this.#underWay.length >= this.#ahead) await this.#underWay.shift()
        this.#piece = this.#spare.pop() ?? new Uint8Array(this.#packing.pieceLength)
      }
      if (this.#failure !== undefined) throw this.#failure
      const count = Math.min(this.#piece.length - this.#fill, bytes.length - at)
      this.#piece.set(bytes.subarray(at, at + count), this.#fill)
      this.#fill += count
      at += count
      if (this.#fill === this.#piece.length) this.#send(this.#piece)
    }
  }

  async flush(): Promise<number> {
    if (this.#piece !== undefined) this.#send(this.#piece)
    await this.#order
    if (this.#failure !== undefined) throw this.#failure
    return this.#appender.flush()
  }

  async idle(): Promise<void> {
    await this.#order
    await this.#appender.idle()
  }

  abandon(): void {
    this.#appender.abandon?.()
  }

  #send(memory: Uint8Array<ArrayBuffer>): void {
    const packed = this.#packing.pack(memory.subarray(0, this.#fill), this.#level)
    const before = this.#order
    // Never rejects: the error is stored.
    this.#order = (async (): Promise<void> => {
      await Promise.allSettled([packed, before])
      this.#spare.push(memory)
      try {
        if (this.#failure === undefined) await this.#appender.append(await packed)
      } catch (error) {
        this.#failure ??= error
      }
    })()
    this.#underWay.push(this.#order)
    this.#piece = undefined
    this.#fill = 0
  }
}
