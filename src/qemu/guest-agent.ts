import { type Socket, createConnection } from 'node:net'
import { QemuError } from '../errors.ts'

const ANSWER_MS = 5000

/**
 * A conversation with the agent inside a guest (qemu-guest-agent) over the unix socket of its channel: JSON lines, in order.
 * Source: QEMU docs/interop/qemu-ga, qga/qapi-schema.json (7.2).
 */
export class GuestAgent implements Disposable {
  readonly #socket: Socket
  readonly #path: string
  #buffered = ''
  #waiting: ((line: string) => void) | undefined

  private constructor(socket: Socket, path: string) {
    this.#socket = socket
    this.#path = path
    socket.on('data', (data: Buffer) => this.#receive(data.toString('utf8')))
    socket.on('error', () => undefined)
  }

  /** Connects and waits until the agent answers. @throws QemuError QEMU_TIMEOUT when no agent does */
  static async connect(path: string): Promise<GuestAgent> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const socket = createConnection({ path }, resolve)
    socket.once('error', (cause) => reject(absent(path, cause)))
    await promise
    const agent = new GuestAgent(socket, path)
    try {
      // Answers to somebody else's questions may still be on their way: the number tells ours.
      const id = Math.floor(Math.random() * 2 ** 31)
      await agent.#ask('guest-sync', { id }, (answer) => answer === id)
      return agent
    } catch (error) {
      agent[Symbol.dispose]()
      throw error
    }
  }

  /** Asks and waits for the answer. @throws QemuError QEMU_REFUSED, QEMU_TIMEOUT */
  async execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#ask(command, args, () => true)
  }

  /** Sends a command that a successful agent does not answer. */
  send(command: string, args?: Readonly<Record<string, unknown>>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`, () =>
      resolve(),
    )
    return promise
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  async #ask(
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    wanted: (answer: unknown) => boolean,
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const timer = setTimeout(() => reject(absent(this.#path, undefined)), ANSWER_MS)
    this.#waiting = (line) => {
      const message = parse(line)
      if (message?.['error'] !== undefined) {
        const { desc } = message['error'] as { readonly desc?: string }
        reject(new QemuError('QEMU_REFUSED', `The guest agent refused ${command}: ${desc ?? line}`))
      } else if (message !== undefined && wanted(message['return'])) resolve(message['return'])
    }
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiting = undefined
    }
  }

  #receive(text: string): void {
    const lines = (this.#buffered + text).split('\n')
    this.#buffered = (lines.pop() ?? '').slice(-65536)
    for (const line of lines) if (line.trim() !== '') this.#waiting?.(line)
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    // The agent may begin an answer with 0xff to say where it begins.
    return JSON.parse(line.replace(/^[^{]*/, '')) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function absent(path: string, cause: unknown): QemuError {
  return new QemuError('QEMU_TIMEOUT', 'The guest agent does not answer', {
    path,
    cause,
    hint: 'Is qemu-guest-agent running inside the guest?',
  })
}
