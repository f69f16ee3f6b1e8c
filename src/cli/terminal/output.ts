import { atFirstUse } from '../../io/at-first-use.ts'

const CLEAR_LINE = '\r\u001b[2K'

interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** The output of a command: its result goes to standard output, everything else to standard error. */
export class Output {
  readonly #stdout: () => NodeJS.WritableStream
  readonly #stderr: () => NodeJS.WritableStream & Terminal
  #live = false

  /** Each stream is requested at its first write, because Node then opens it, which takes a millisecond or two. */
  constructor(stdout: () => NodeJS.WritableStream, stderr: () => NodeJS.WritableStream & Terminal) {
    this.#stdout = atFirstUse(() => endsQuietly(stdout()))
    this.#stderr = atFirstUse(() => endsQuietly(stderr()))
  }

  /** A line of the result. */
  result(line: string): void {
    this.endLiveLine()
    this.#stdout().write(`${line}\n`)
  }

  /** A JSON value on one line of the result. */
  json(value: unknown): void {
    this.result(JSON.stringify(value))
  }

  /** A line for the person at the terminal. */
  note(line: string): void {
    this.endLiveLine()
    this.#stderr().write(`${line}\n`)
  }

  /** Width of the terminal that can show a live line; `undefined` if there is none. */
  get liveColumns(): number | undefined {
    const { isTTY, columns } = this.#stderr()
    return isTTY === true ? columns || 80 : undefined
  }

  /** Shows a line that the next one replaces. */
  liveLine(line: string): void {
    this.#stderr().write(`${CLEAR_LINE}${line}`)
    this.#live = true
  }

  /** Removes the live line, if there is one. */
  endLiveLine(): void {
    if (this.#live) this.#stderr().write(CLEAR_LINE)
    this.#live = false
  }
}

/** The reader may stop reading (`stasis list | head -1`); that is not an error. */
function endsQuietly<T extends NodeJS.WritableStream>(stream: T): T {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return stream
}
