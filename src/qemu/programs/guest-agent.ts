import { type Socket, createConnection } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import { QemuError } from '../../errors.ts'

const ANSWER_MS = 5000

/**
 * A connection to the agent inside a guest (qemu-guest-agent) over the unix socket of its channel: JSON lines, in order. Source: QEMU
 * docs/interop/qemu-ga, qga/qapi-schema.json (7.2).
 */
export class GuestAgent implements Disposable {
  readonly #socket: Socket
  readonly #path: string
  #buffered = ''
  readonly #decoder = new StringDecoder('utf8')
  #waiting: { readonly line: (line: string) => void; readonly end: () => void } | undefined

  private constructor(socket: Socket, path: string) {
    this.#socket = socket
    this.#path = path
    socket.on('data', (data: Buffer) => this.#receive(this.#decoder.write(data)))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#waiting?.end())
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
  async execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    { timeoutMs }: { readonly timeoutMs?: number | undefined } = {},
  ): Promise<unknown> {
    return this.#request(command, args, () => true, timeoutMs)
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
    timeoutMs = ANSWER_MS,
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const timer = Number.isFinite(timeoutMs)
      ? setTimeout(() => reject(absent(this.#path, undefined)), timeoutMs)
      : undefined
    const line = (text: string): void => {
      const message = parse(text)
      if (message === undefined) return
      if ('error' in message) {
        // The guest decides what is in it.
        const { desc } = (message['error'] ?? {}) as { readonly desc?: unknown }
        const reason = typeof desc === 'string' ? desc : text
        reject(new QemuError('QEMU_REFUSED', `The guest agent refused ${command}: ${reason}`))
      } else if (isAnswer(message['return'])) resolve(message['return'])
    }
    const end = (): void => reject(absent(this.#path, undefined))
    this.#waiting = { line, end }
    if (this.#socket.destroyed) end()
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
    for (const line of lines) if (line.trim() !== '') this.#waiting?.line(line)
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
