const CLEAR_LINE = '\r\u001b[2K'

interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** The output of a command: its result goes to standard output, everything else to standard error. */
export class Output {
  readonly #stdout: NodeJS.WritableStream
  readonly #stderr: NodeJS.WritableStream & Terminal
  #live = false

  constructor(stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream & Terminal) {
    this.#stdout = stdout
    this.#stderr = stderr
    // The reader may stop reading (`stasis list | head -1`); that is not an error.
    for (const stream of [stdout, stderr]) stream.on('error', ignoreClosedPipe)
  }

  /** A line of the result. */
  result(line: string): void {
    this.endLiveLine()
    this.#stdout.write(`${line}\n`)
  }

  /** A JSON value on one line of the result. */
  json(value: unknown): void {
    this.result(JSON.stringify(value))
  }

  /** A line for the person at the terminal. */
  note(line: string): void {
    this.endLiveLine()
    this.#stderr.write(`${line}\n`)
  }

  /** Width of the terminal that can show a live line; `undefined` if there is none. */
  get liveColumns(): number | undefined {
    return this.#stderr.isTTY === true ? this.#stderr.columns || 80 : undefined
  }

  /** Shows a line that the next one replaces. */
  liveLine(line: string): void {
    this.#stderr.write(`${CLEAR_LINE}${line}`)
    this.#live = true
  }

  /** Removes the live line, if there is one. */
  endLiveLine(): void {
    if (this.#live) this.#stderr.write(CLEAR_LINE)
    this.#live = false
  }
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
