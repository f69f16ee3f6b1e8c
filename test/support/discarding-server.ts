import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A unix socket that reads and drops everything; `bytes` counts it. With `stalled` it reads only the first piece of each connection. */
export interface DiscardingServer extends AsyncDisposable {
  readonly uri: string
  readonly connections: readonly Socket[]
  bytes(): number
  /**
   * Settles when so many connections have sent something. QEMU 7.2 may crash if its peer hangs up, or the migration is cancelled, before each channel has identified itself
   * (`notes/qemu/migration-control.md`).
   */
  heardFrom(connections: number): Promise<void>
}

/** Listens on `path`. */
export async function discardingServer(
  path: string,
  options: { readonly stalled?: boolean } = {},
): Promise<DiscardingServer> {
  const connections: Socket[] = []
  let bytes = 0
  const heard = new Set<Socket>()
  const server = createServer((socket) => {
    connections.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (data: Buffer) => {
      bytes += data.length
      heard.add(socket)
      if (options.stalled === true) socket.pause()
    })
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    uri: `unix:${path}`,
    connections,
    bytes: () => bytes,
    heardFrom: async (connections) => {
      while (heard.size < connections) await delay(5)
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of connections) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
