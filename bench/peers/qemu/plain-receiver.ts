import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type Server, createServer } from 'node:net'
import { pipeline } from 'node:stream/promises'

/** What anybody would write to keep QEMU's channels: each connection goes into a file, in the order in which they come. */
export class PlainReceiver implements AsyncDisposable {
  readonly uri: string
  /** Settles when every channel has ended. */
  readonly received: Promise<unknown>
  readonly #server: Server
  readonly #socket: string

  private constructor(server: Server, socket: string, received: Promise<unknown>) {
    this.#server = server
    this.#socket = socket
    this.uri = `unix:${socket}`
    this.received = received
  }

  /** The first connection goes into `path`, the others into `path.1` and so on. */
  static async listen(path: string, connections: number): Promise<PlainReceiver> {
    const socket = `${path}.socket`
    const server = createServer({ highWaterMark: 1024 * 1024 })
    const received = new Promise((resolve, reject) => {
      const files: Promise<void>[] = []
      server.on('connection', (connection) => {
        const name = files.length === 0 ? path : `${path}.${files.length}`
        const file = createWriteStream(name, { highWaterMark: 4 * 1024 * 1024 })
        files.push(pipeline(connection, file))
        if (files.length === connections) Promise.all(files).then(resolve, reject)
      })
    })
    await new Promise<void>((resolve) => {
      server.listen(socket, resolve)
    })
    return new PlainReceiver(server, socket, received)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    await rm(this.#socket, { force: true })
  }
}
