import { type Server, type Socket, createServer } from 'node:net'

/** Stands for a QEMU that waits for its incoming migration: keeps what each connection brings, in the order they came. */
export interface FakeIncoming extends AsyncDisposable {
  /** What came, by connection. */
  readonly received: readonly Buffer[]
  /** Settles when so many connections have ended. */
  ended(count: number): Promise<void>
}

/** `hangUpAfter`: closes each connection when it has brought so many bytes. */
export async function fakeIncoming(
  path: string,
  options: { readonly hangUpAfter?: number } = {},
): Promise<FakeIncoming> {
  const pieces: Buffer[][] = []
  const sockets = new Set<Socket>()
  const ends: Promise<void>[] = []
  const server: Server = createServer((socket) => {
    const own: Buffer[] = []
    let length = 0
    pieces.push(own)
    sockets.add(socket)
    ends.push(new Promise((resolve) => socket.once('close', () => resolve())))
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      own.push(bytes)
      length += bytes.length
      if (length >= (options.hangUpAfter ?? Infinity)) socket.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    get received() {
      return pieces.map((own) => Buffer.concat(own))
    },
    ended: async (count) => {
      while (ends.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
      await Promise.all(ends)
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
