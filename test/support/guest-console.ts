import { closeSync, constants, openSync, readSync } from 'node:fs'
import { type Socket, connect } from 'node:net'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { ReadStream } from 'node:tty'

/** How long to wait for a line. */
export interface WaitOptions {
  /** Default 90 s: guests under TCG on a busy machine are slow. */
  readonly timeoutMs?: number
}

const POLL_MS = 20
const PATIENCE_MS = 90_000

/**
 * The serial port of a guest, line by line. Earlier lines are kept, and each wait continues after the line that
 * the last wait found. So a test reads like a conversation.
 */
export class GuestConsole implements AsyncDisposable {
  readonly #name: string
  readonly #lines: string[] = []
  readonly #close: () => void
  readonly #write: ((text: string) => void) | undefined
  #partial = ''
  #next = 0

  private constructor(name: string, close: () => void, write?: (text: string) => void) {
    this.#name = name
    this.#close = close
    this.#write = write
  }

  /** Follows a file that QEMU writes (`-serial file:`), from its start. The file may be created later. Not writable. */
  static follow(path: string): GuestConsole {
    const decoder = new TextDecoder()
    const chunk = Buffer.alloc(65536)
    let fd: number | undefined
    const read = (): void => {
      try {
        fd ??= openSync(path, 'r')
      } catch {
        return
      }
      for (let length = 1; length > 0;) {
        length = readSync(fd, chunk, 0, chunk.length, null)
        if (length > 0)
          followed.#receive(decoder.decode(chunk.subarray(0, length), { stream: true }))
      }
    }
    const timer = setInterval(read, POLL_MS).unref()
    const followed = new GuestConsole(path, () => {
      clearInterval(timer)
      if (fd !== undefined) closeSync(fd)
    })
    return followed
  }

  /** Connects to a unix socket on which QEMU listens (`-serial unix:PATH,server=on,wait=off`), waiting for it. */
  static async connect(path: string, options: WaitOptions = {}): Promise<GuestConsole> {
    const deadline = Date.now() + (options.timeoutMs ?? PATIENCE_MS)
    for (;;) {
      const socket = connect(path)
      try {
        await once(socket, 'connect')
        return GuestConsole.#ofStream(path, socket)
      } catch (error) {
        if (Date.now() > deadline) throw error
        await delay(POLL_MS)
      }
    }
  }

  /** Opens a pseudo-terminal that QEMU made (`-serial pty`). */
  static openPty(path: string): GuestConsole {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK)
    return GuestConsole.#ofStream(path, new ReadStream(fd).setRawMode(true))
  }

  static #ofStream(name: string, stream: Socket): GuestConsole {
    const opened = new GuestConsole(
      name,
      () => stream.destroy(),
      (text) => stream.write(text),
    )
    stream.setEncoding('latin1')
    stream.on('data', (text: string) => opened.#receive(text))
    // The guest has closed its end. A wait reports which line is missing.
    stream.on('error', () => undefined)
    return opened
  }

  /** All complete lines so far, without line ends. */
  get lines(): readonly string[] {
    return this.#lines
  }

  /** Resolves with the match in the next line that matches. Rejects with the last lines if none arrives in time. */
  async waitForLine(pattern: RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    const { timeoutMs = PATIENCE_MS } = options
    const deadline = Date.now() + timeoutMs
    for (;;) {
      while (this.#next < this.#lines.length) {
        const match = pattern.exec(this.#lines[this.#next++] ?? '')
        if (match !== null) return match
      }
      if (Date.now() > deadline) {
        const seen = this.#lines.slice(-8).map((line) => `\n  ${line}`)
        const rest = this.#partial === '' ? '' : `\n  ${this.#partial} (no end of line)`
        throw new Error(
          `No line ${pattern} within ${timeoutMs} ms on ${this.#name}; the last of ${this.#lines.length} lines:${seen.join('')}${rest}`,
        )
      }
      await delay(POLL_MS)
    }
  }

  /** Forgets the lines so far, so that a wait sees only new lines. */
  skip(): void {
    this.#next = this.#lines.length
  }

  /** Writes a line to the guest. */
  send(line: string): void {
    if (this.#write === undefined)
      throw new Error(`${this.#name} is a file: nothing can be sent to the guest`)
    this.#write(`${line}\n`)
  }

  /** Sends a line and waits for an answer: `ask('sum', /^SUM (.*)/)`. The Linux guest's `ERR` fails at once. */
  async ask(line: string, answer: RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    this.skip()
    this.send(line)
    const match = await this.waitForLine(
      new RegExp(`${answer.source}|^ERR .*`, answer.flags),
      options,
    )
    if (match[0].startsWith('ERR ')) throw new Error(`The guest answered to "${line}": ${match[0]}`)
    return match
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close()
  }

  #receive(text: string): void {
    const parts = (this.#partial + text).split(/\r?\n/)
    this.#partial = parts.pop() ?? ''
    this.#lines.push(...parts)
  }
}

/**
 * Waits for a line in a serial log, or for the next matching line of a console. A log is read from its start each time;
 * for a conversation, keep a `GuestConsole`.
 */
export async function waitForLine(
  source: string | GuestConsole,
  pattern: RegExp,
  options: WaitOptions = {},
): Promise<RegExpExecArray> {
  if (source instanceof GuestConsole) return source.waitForLine(pattern, options)
  await using followed = GuestConsole.follow(source)
  return await followed.waitForLine(pattern, options)
}
