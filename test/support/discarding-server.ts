import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** A unix socket that reads and drops everything; `bytes` counts it. With `stalled` it accepts and never reads. */
export interface DiscardingServer extends AsyncDisposable {
  readonly uri: string
  readonly connections: readonly Socket[]
  bytes(): number
}

/** Listens on `path`. */
export async function discardingServer(
  path: string,
  options: { readonly stalled?: boolean } = {},
): Promise<DiscardingServer> {
  const connections: Socket[] = []
  let bytes = 0
  const server = createServer((socket) => {
    connections.push(socket)
    socket.on('error', () => undefined)
    if (options.stalled === true) socket.pause()
    else socket.on('data', (data: Buffer) => (bytes += data.length))
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    uri: `unix:${path}`,
    connections,
    bytes: () => bytes,
    [Symbol.asyncDispose]: async () => {
      for (const socket of connections) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
