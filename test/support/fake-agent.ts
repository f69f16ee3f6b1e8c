import { rmSync } from 'node:fs'
import { type Socket, createServer } from 'node:net'

/** An agent that answers in place of one inside a guest, on the host's side of the channel. */
export interface FakeAgent extends AsyncDisposable {
  /** The commands that it was sent, without those that find out whether it answers or whether a program has ended. */
  readonly commands: readonly string[]
}

/** How a program in the guest ended; `undefined`: it still runs. */
type Exec = (command: readonly string[]) => { exitcode: number; output: string } | undefined

/** Takes the place of QEMU at the socket of a channel. Commands in `refused` get an error. `exec` is asked how a program ended. */
export async function fakeAgent(
  path: string,
  refused: readonly string[] = [],
  exec: Exec = () => undefined,
): Promise<FakeAgent> {
  const commands: string[] = []
  const sockets = new Set<Socket>()
  let program: readonly string[] = []
  const answer = (line: string): object => {
    const { execute, arguments: args } = JSON.parse(line) as {
      readonly execute: string
      readonly arguments?: { readonly id?: number; readonly path?: string; readonly arg?: string[] }
    }
    if (execute === 'guest-exec-status') {
      const end = exec(program)
      if (end === undefined) return { return: { exited: false } }
      const data = Buffer.from(end.output).toString('base64')
      return { return: { exited: true, exitcode: end.exitcode, 'out-data': data } }
    }
    if (execute === 'guest-sync') return { return: args?.id }
    commands.push(execute)
    if (execute === 'guest-exec') program = [args?.path ?? '', ...(args?.arg ?? [])]
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
