import { type Server, type Socket, createServer } from 'node:net'

/** Acts as a QEMU that waits for its incoming migration: keeps the bytes of each connection, in the order of the connections. */
export interface FakeIncoming extends AsyncDisposable {
  /** The received bytes, by connection. */
  readonly received: readonly Buffer[]
  /** Resolves when this many connections have ended. */
  ended(count: number): Promise<void>
}

/** `hangUpAfter`: closes each connection after this many bytes. */
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
