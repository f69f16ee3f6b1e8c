import type { PipeFile } from '../io/files/special/pipe-file.ts'
import { buildDescriptionArea } from './description-area.ts'
import { serialiseHeader } from './header.ts'
import { newImageId } from './image-id.ts'
import type { StreamFormat } from './save-format.ts'
import type { NewDescription } from './saved-machine.ts'
import type { StreamSink } from './stream-sink.ts'

/** How much of the end waits for `publish`: without it the stream of every format has no end. */
const HELD_LENGTH = 64

/**
 * A single-stream image that goes into a pipe. Nothing can be written again at its beginning, so its header is final from the start, and follows the
 * cookie, which is final once the guest has stopped: both go out with the first bytes of the body. Instead of the magic, the end makes the image complete.
 */
export class PipeImage implements StreamSink {
  readonly #pipe: PipeFile
  readonly #format: StreamFormat
  readonly #description: NewDescription
  #headLength: number | undefined
  #held: Buffer = Buffer.alloc(0)
  #length = 0
  #pending: Promise<unknown> = Promise.resolve()

  constructor(pipe: PipeFile, format: StreamFormat, description: NewDescription) {
    this.#pipe = pipe
    this.#format = format
    this.#description = description
  }

  /** Bytes of the body so far. */
  get length(): number {
    return this.#length
  }

  async append(bytes: Uint8Array): Promise<void> {
    const written = this.#append(bytes)
    this.#pending = written.catch(() => undefined)
    await written
  }

  async flush(): Promise<number> {
    return this.#length
  }

  async idle(): Promise<void> {
    await this.#pending
  }

  abandon(): void {
    this.#pipe.abandon()
  }

  /**
   * Writes the end, once the reader has taken everything else, and waits until it has also taken that. Returns the length of the image.
   * @throws StorageError when the reader goes away before that; CancelledError, but not after the end was written
   */
  async publish(): Promise<number> {
    const headLength = this.#headLength ?? (await this.#begin())
    await this.#pipe.drained()
    this.#pipe.commit()
    await this.#pipe.write(this.#held)
    await this.#pipe.drained()
    // The reader may finish while QEMU ends.
    await this.#pipe[Symbol.asyncDispose]()
    return headLength + this.#length
  }

  async #append(bytes: Uint8Array): Promise<void> {
    if (this.#headLength === undefined) await this.#begin()
    this.#length += bytes.length
    const release = Math.max(0, this.#held.length + bytes.length - HELD_LENGTH)
    const fromHeld = Math.min(release, this.#held.length)
    const fromBytes = release - fromHeld
    const ready = this.#held.subarray(0, fromHeld)
    // A copy, because the caller uses its memory again.
    this.#held = Buffer.concat([this.#held.subarray(fromHeld), bytes.subarray(fromBytes)])
    if (ready.length > 0) await this.#pipe.write(ready)
    if (fromBytes > 0) await this.#pipe.write(bytes.subarray(0, fromBytes))
  }

  async #begin(): Promise<number> {
    const { xml, cookie, wasRunning, id, finalCookie } = this.#description
    const area = buildDescriptionArea({
      xml,
      cookie: finalCookie === undefined ? cookie : await finalCookie(),
    })
    const header = serialiseHeader({
      complete: true,
      dataLength: area.dataLength,
      wasRunning,
      format: this.#format,
      cookieOffset: area.cookieOffset,
      id: id ?? newImageId(),
    })
    await this.#pipe.write(Buffer.concat([header, area.bytes]))
    this.#headLength = header.length + area.dataLength
    return this.#headLength
  }
}
