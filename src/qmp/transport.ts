import { createConnection, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { CancelledError, QemuError, UsageError, throwIfCancelled } from '../errors.ts'

/** A unix socket's path holds 107 bytes and a NUL (Linux, `struct sockaddr_un`). */
const LONGEST_SOCKET_PATH = 107

/** Far longer than any reply of QEMU: `query-qmp-schema` has 0.2 MiB in 7.2. */
const LONGEST_LINE: number = 64 * 1024 * 1024

const LINE_END = 0x0a

/** The callbacks of a transport; `closed` comes once, as the last. */
export interface TransportEvents {
  line(line: string): void
  closed(reason: Error | undefined): void
}

/** Lines of text over a unix socket. */
export class LineTransport {
  readonly #socket: Socket
  readonly #path: string
  readonly #longestLine: number
  #pieces: Buffer[] = []
  #pending = 0

  constructor(
    socket: Socket,
    path: string,
    events: TransportEvents,
    longestLine: number = LONGEST_LINE,
  ) {
    this.#socket = socket
    this.#path = path
    this.#longestLine = longestLine
    let failure: Error | undefined
    socket.on('error', (error) => (failure ??= error))
    socket.on('close', () => events.closed(failure))
    socket.on('data', (data: Buffer) => {
      try {
        this.#take(data, events)
      } catch (error) {
        failure ??= error as Error
        socket.destroy()
      }
    })
    socket.resume()
  }

  /** Queues a line; if the socket is closed, `closed` reports it. */
  send(line: string): void {
    this.#socket.write(`${line}\n`)
  }

  /** Closes the socket at once; `closed` follows. */
  destroy(reason?: Error): void {
    this.#socket.destroy(reason)
  }

  #take(data: Buffer, events: TransportEvents): void {
    let start = 0
    for (let end = data.indexOf(LINE_END); end >= 0; end = data.indexOf(LINE_END, start)) {
      this.#keep(data.subarray(start, end))
      const line = Buffer.concat(this.#pieces, this.#pending).toString('utf8').trimEnd()
      this.#pieces = []
      this.#pending = 0
      start = end + 1
      if (line !== '') events.line(line)
    }
    if (start < data.length) this.#keep(data.subarray(start))
  }

  #keep(piece: Buffer): void {
    this.#pending += piece.length
    if (this.#pending > this.#longestLine) {
      throw new QemuError(
        'QEMU_STREAM',
        `The monitor at ${this.#path} sent a line longer than ${this.#longestLine} bytes`,
        { path: this.#path },
      )
    }
    this.#pieces.push(piece)
  }
}

/**
 * Connects to the unix socket of a monitor, which may not be ready to accept. Throws `PATH_TOO_LONG`, `QEMU_DIED` when nothing listens there,
 * `QEMU_BUSY` when its queue stays full until `deadline`.
 */
export async function connectSocket(
  path: string,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH) {
    throw new UsageError(
      'PATH_TOO_LONG',
      `The socket path ${path} is longer than ${LONGEST_SOCKET_PATH} bytes`,
      { path, hint: 'Use a shorter path, for example a shorter runtime directory' },
    )
  }
  for (;;) {
    throwIfCancelled(`connect to ${path}`, signal)
    try {
      return await connectOnce(path)
    } catch (cause) {
      const errno = (cause as NodeJS.ErrnoException).code
      if (errno !== 'EAGAIN') {
        throw new QemuError('QEMU_DIED', `No QEMU listens on ${path} (${errno ?? 'no errno'})`, {
          path,
          cause,
        })
      }
      if (performance.now() >= deadline) throw monitorBusy(path, cause)
    }
    await delay(20, undefined, { signal }).catch((reason: unknown) => {
      throw new CancelledError(`connect to ${path}`, reason)
    })
  }
}

/**
 * The error for a monitor that does not answer. A monitor serves one client at a time: further clients wait without an answer (QEMU
 * chardev/char-socket.c).
 */
export function monitorBusy(path: string, cause?: unknown): QemuError {
  return new QemuError('QEMU_BUSY', `The monitor at ${path} does not answer`, {
    path,
    cause,
    hint: 'Another program may be using this monitor, or QEMU hangs. Close the other program, then try again',
  })
}

function connectOnce(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = createConnection({ path })
  socket.once('error', reject)
  socket.once('connect', () => {
    socket.off('error', reject)
    socket.pause()
    resolve(socket)
  })
  return promise
}
