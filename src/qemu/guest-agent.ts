import { type Socket, createConnection } from 'node:net'
import { QemuError } from '../errors.ts'

const ANSWER_MS = 5000

/**
 * A connection to the agent inside a guest (qemu-guest-agent) over the unix socket of its channel: JSON lines, in order. Source: QEMU
 * docs/interop/qemu-ga, qga/qapi-schema.json (7.2).
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
      // Answers to an earlier client may still arrive; the number identifies ours.
      const id = Math.floor(Math.random() * 2 ** 31)
      await agent.#request('guest-sync', { id }, (answer) => answer === id)
      return agent
    } catch (error) {
      agent[Symbol.dispose]()
      throw error
    }
  }

  /** Sends a command and waits for the answer. @throws QemuError QEMU_REFUSED, QEMU_TIMEOUT */
  async execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#request(command, args, () => true)
  }

  /** Sends a command that the agent does not answer when it succeeds. */
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

  async #request(
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    isAnswer: (answer: unknown) => boolean,
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const timer = setTimeout(() => reject(absent(this.#path, undefined)), ANSWER_MS)
    this.#waiting = (line) => {
      const message = parse(line)
      if (message?.['error'] !== undefined) {
        const { desc } = message['error'] as { readonly desc?: string }
        reject(new QemuError('QEMU_REFUSED', `The guest agent refused ${command}: ${desc ?? line}`))
      } else if (message !== undefined && isAnswer(message['return'])) resolve(message['return'])
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
    // The agent may precede an answer with 0xff to mark its start.
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
