import { atFirstUse } from '../../io/at-first-use.ts'
import { StandardOutput, ignoreClosedPipe } from './standard-output.ts'

const CLEAR_LINE = '\r\u001b[2K'

interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** The output of a command: its result goes to standard output, everything else to standard error. */
export class Output {
  readonly #stdout = new StandardOutput()
  readonly #stderr: () => NodeJS.WritableStream & Terminal = atFirstUse(() =>
    process.stderr.on('error', ignoreClosedPipe),
  )
  #live = false

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
