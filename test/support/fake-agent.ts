import { rmSync } from 'node:fs'
import { type Socket, createServer } from 'node:net'

/** An agent that answers in place of one inside a guest, on the host's side of the channel. */
export interface FakeAgent extends AsyncDisposable {
  /** The commands that it was sent, without those that find out whether it answers. */
  readonly commands: readonly string[]
}

/** Takes the place of QEMU at the socket of a channel. Commands in `refused` get an error. */
export async function fakeAgent(path: string, refused: readonly string[] = []): Promise<FakeAgent> {
  const commands: string[] = []
  const sockets = new Set<Socket>()
  const answer = (line: string): object => {
    const { execute, arguments: args } = JSON.parse(line) as {
      readonly execute: string
      readonly arguments?: { readonly id?: number }
    }
    if (execute === 'guest-sync') return { return: args?.id }
    commands.push(execute)
    return refused.includes(execute) ? { error: { desc: 'not now' } } : { return: 1 }
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    let buffered = ''
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      const lines = `${buffered}${data.toString()}`.split('\n')
      buffered = lines.pop() ?? ''
      for (const line of lines) socket.write(`${JSON.stringify(answer(line))}\n`)
    })
  })
  rmSync(path, { force: true })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    commands,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
