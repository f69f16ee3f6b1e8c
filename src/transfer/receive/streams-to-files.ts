import { InternalError } from '../../errors.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import type { Connection, Connections } from './accept-connections.ts'
import type { ConnectionReceiver } from './qemu-listener.ts'
import { StreamToFile } from './stream-to-file.ts'

/** The destination of a stream: `file` from `start`, a multiple of 4096. */
export interface StreamPlace {
  readonly file: DirectFile
  readonly start: number
}

/** Writes QEMU's streams into files verbatim: a main stream, and as many multifd channels as there are places for. */
export class StreamsToFiles implements ConnectionReceiver {
  readonly #places: { readonly main: StreamPlace; readonly channels: readonly StreamPlace[] }
  #main: StreamToFile | undefined
  #channels: readonly StreamToFile[] = []

  constructor(main: StreamPlace, channels: readonly StreamPlace[] = []) {
    this.#places = { main, channels }
  }

  /** The main stream, once everything was received. */
  get main(): StreamToFile {
    if (this.#main === undefined) throw new InternalError('No main stream was received')
    return this.#main
  }

  /** The channels in the order of their places, once everything was received. */
  get channels(): readonly StreamToFile[] {
    return this.#channels
  }

  /** Bytes of each stream so far, and the bytes that the disk has accepted. */
  progress(): {
    readonly mainBytes: number
    readonly channelBytes: readonly number[]
    readonly fileBytes: number
  } {
    return {
      mainBytes: this.#main?.bytesRead ?? 0,
      channelBytes: this.#channels.map(({ bytesRead }) => bytesRead),
      fileBytes: this.#streams.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    }
  }

  /** The first fault ends all streams. */
  async receive({ main, channels }: Connections): Promise<void> {
    const start = ({ fd, first }: Connection, { file, start: at }: StreamPlace): StreamToFile =>
      new StreamToFile(fd, first, file, at)
    this.#main = start(main, this.#places.main)
    this.#channels = channels.map((connection, channel) =>
      start(connection, this.#places.channels[channel] as StreamPlace),
    )
    const faults: unknown[] = []
    const ended = this.#streams.map(async (stream) => {
      try {
        await stream.ended
      } catch (error) {
        faults.push(error)
        this.discard()
      }
    })
    await Promise.all(ended)
    if (faults.length > 0) throw faults[0]
  }

  discard(): void {
    for (const stream of this.#streams) stream.discard()
  }

  hangUp(): void {
    for (const stream of this.#streams) stream.destroy()
  }

  get #streams(): readonly StreamToFile[] {
    return this.#main === undefined ? [] : [this.#main, ...this.#channels]
  }
}
