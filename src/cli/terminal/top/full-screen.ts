import type { ReadStream, WriteStream } from 'node:tty'
import type { ScreenSize } from '../host-lines.ts'

// xterm control sequences: the alternate screen, the cursor.
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_TO_END_OF_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

/** A key that was pressed. */
export type Key = 'up' | 'down' | 'quit' | 'resize'

const KEYS: Readonly<Record<string, Key>> = {
  q: 'quit',
  Q: 'quit',
  '\u0003': 'quit',
  '\u0004': 'quit',
  j: 'down',
  k: 'up',
  '\u001b[A': 'up',
  '\u001b[B': 'down',
  '\u001bOA': 'up',
  '\u001bOB': 'down',
}

/**
 * The alternate screen of a terminal, with its keys. Disposing leaves it. So does any other end of the process, except by a signal that cannot be handled.
 */
export class FullScreen implements Disposable {
  readonly #screen: WriteStream
  readonly #keyboard: ReadStream
  readonly #onKey: (key: Key) => void
  #isLeft = false

  /** `onKey` is called for each key that means something, when the size changes, and when the terminal is gone (`quit`). */
  constructor(onKey: (key: Key) => void) {
    this.#screen = process.stdout
    this.#keyboard = process.stdin
    this.#onKey = onKey
    process.on('exit', this.#leave)
    this.#screen.on('error', this.#gone)
    this.#screen.on('resize', this.#resized)
    this.#screen.write(ENTER)
    if (!this.#keyboard.isTTY) return
    this.#keyboard.setRawMode(true)
    this.#keyboard.on('data', this.#typed)
    this.#keyboard.on('error', this.#gone)
    this.#keyboard.resume()
  }

  get size(): ScreenSize {
    return { columns: this.#screen.columns || 80, rows: this.#screen.rows || 24 }
  }

  /** Shows these lines, which must fit, in place of the earlier ones. */
  draw(lines: readonly string[]): void {
    if (this.#isLeft) return
    const text = lines.map((line) => `${line}${CLEAR_TO_END_OF_LINE}`).join('\r\n')
    this.#screen.write(`${HOME}${text}${CLEAR_BELOW}`)
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#leave)
    this.#screen.off('resize', this.#resized)
    this.#leave()
    if (!this.#keyboard.isTTY) return
    this.#keyboard.off('data', this.#typed)
    this.#keyboard.pause()
  }

  readonly #leave = (): void => {
    if (this.#isLeft) return
    this.#isLeft = true
    try {
      if (this.#keyboard.isTTY) this.#keyboard.setRawMode(false)
      // Node writes to a terminal at once: the process may be ending.
      this.#screen.write(LEAVE)
    } catch {
      // The terminal is gone.
    }
  }

  readonly #gone = (): void => {
    if (!this.#isLeft) this.#onKey('quit')
  }
  readonly #resized = (): void => this.#onKey('resize')

  readonly #typed = (data: Buffer): void => {
    // Several keys may arrive at once.
    // oxlint-disable-next-line eslint/no-control-regex
    for (const [text] of data.toString('latin1').matchAll(/\u001b[[O][A-D]|[^]/g)) {
      const key = KEYS[text]
      if (key !== undefined) this.#onKey(key)
    }
  }
}
