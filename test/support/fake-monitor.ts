import { createServer, type Socket } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}'

/** One command that the fake monitor received; `raw` is its line. */
export interface Received {
  readonly execute: string
  readonly id: number
  readonly arguments?: Record<string, unknown>
  readonly raw: string
}

/** The answer of the fake monitor to a command: text is sent unchanged, `undefined` sends nothing. */
export type Answer = (command: Received, socket: Socket) => string | undefined

/** A monitor for faults that a real QEMU cannot be made to show. */
export interface FakeMonitor extends AsyncDisposable {
  readonly path: string
  readonly received: readonly Received[]
  /** Sends text to every client. */
  broadcast(text: string): void
  /** Closes every connection, as a dying QEMU does. */
  hangUp(): void
}

/** Starts a fake monitor, which answers `qmp_capabilities` itself. */
export async function fakeMonitor(
  answer: Answer,
  greeting: string | undefined = GREETING,
): Promise<FakeMonitor> {
  const directory = await mkdtemp(join(tmpdir(), 'stasis-qmp-'))
  const path = join(directory, 'monitor')
  const sockets = new Set<Socket>()
  const received: Received[] = []
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    if (greeting !== '') socket.write(`${greeting}\r\n`)
    let text = ''
    socket.on('data', (data: Buffer) => {
      const lines = (text + data.toString()).split('\n')
      text = lines.pop() ?? ''
      for (const raw of lines) {
        const command = { ...(JSON.parse(raw) as Received), raw }
        received.push(command)
        const reply = command.execute === 'qmp_capabilities' ? ok(command) : answer(command, socket)
        if (reply !== undefined) socket.write(reply)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    path,
    received,
    broadcast: (text) => {
      for (const socket of sockets) socket.write(text)
    },
    hangUp,
    [Symbol.asyncDispose]: async () => {
      hangUp()
      await new Promise((resolve) => server.close(resolve))
      await rm(directory, { recursive: true })
    },
  }
}

/** The line of a successful answer. */
export function ok(command: Received, value: unknown = {}): string {
  return `${JSON.stringify({ return: value, id: command.id })}\r\n`
}

/** The line of a refusal. */
export function refused(command: Received, desc: string, errorClass = 'GenericError'): string {
  return `${JSON.stringify({ id: command.id, error: { class: errorClass, desc } })}\r\n`
}

/** The line of an event. */
export function event(name: string, data?: unknown): string {
  return `${JSON.stringify({ timestamp: { seconds: 1, microseconds: 500_000 }, event: name, data })}\r\n`
}
