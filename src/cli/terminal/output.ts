import type { StasisError } from '../../errors.ts'
import { atFirstUse } from '../../io/at-first-use.ts'
import { appendToLog } from '../../io/records/log-file.ts'
import { StandardOutput } from './standard-output.ts'

/** Sets the cursor to the first of the live lines, and clears to the end of the screen. */
function clearLines(count: number): string {
  return `\r${count > 1 ? `\u001b[${count - 1}A` : ''}\u001b[J`
}

/** A time of 86.93465800000001 ms says no more than one of 86.935. Integers do not change, also those of QEMU beyond 2^53. */
function rounded(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return JSON.rawJSON(value.toString())
  if (typeof value !== 'number' || Number.isInteger(value)) return value
  return Math.round(value * 1000) / 1000
}

interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** The output of a command: its result goes to standard output, everything else to standard error. */
export class Output {
  readonly #stdout: StandardOutput
  // A terminal that was closed, or a full disk, must not end an operation: there is nobody to report it to.
  readonly #stderr: () => NodeJS.WritableStream & Terminal = atFirstUse(() => {
    this.#isStderrOpen = true
    return process.stderr.on('error', () => undefined)
  })
  /** The number of live lines that are shown. */
  #live = 0
  #isElsewhere = false
  #log: string | undefined
  #isStderrOpen = false

  /** `onLateFault` receives the error of a part of the result that was written after the call that was to write it. */
  constructor(onLateFault: (error: StasisError) => void) {
    this.#stdout = new StandardOutput(onLateFault)
  }

  /** Whether somebody still reads the result. */
  get isRead(): boolean {
    return this.#stdout.isRead
  }

  /** Like `isRead`, but asks a pipe itself, also before anything is written to it. */
  hasReader(): boolean {
    return this.#stdout.hasReader()
  }

  /** Whether something of the output may not be written yet. */
  get mayBePending(): boolean {
    return this.#isStderrOpen || this.#stdout.isStream
  }

  /** From now on the result goes to standard error, because standard output is for something else. */
  leaveStandardOutput(): void {
    this.#isElsewhere = true
  }

  /** A line of the result. @throws StorageError when it cannot be written */
  result(line: string): void {
    if (this.#isElsewhere) return this.note(line)
    this.endLiveLines()
    this.#stdout.write(`${line}\n`)
  }

  /** A JSON value on one line of the result. @throws StorageError when it cannot be written */
  json(value: unknown): void {
    this.result(JSON.stringify(value, rounded))
  }

  /** A JSON value about an operation in progress, which continues if the value cannot be written. */
  jsonProgress(value: unknown): void {
    try {
      this.json(value)
    } catch {
      // The result of the operation will report it.
    }
  }

  /** A line for the person at the terminal. */
  note(line: string): void {
    this.endLiveLines()
    this.#stderr().write(`${line}\n`)
  }

  /** A line about something that does not stop the command. For `onWarning`. */
  readonly warn = (text: string): void => this.note(`warning: ${text}`)

  /** From now on errors are also appended to a file. */
  logErrorsTo(path: string): void {
    this.#log = path
  }

  /** Appends an error to the log, if there is one. A log that cannot be written is not an error. */
  logError(text: string): void {
    if (this.#log === undefined) return
    const begin = `${new Date().toISOString()} stasis ${process.pid} ERROR `
    const lines = text.split('\n').map((line) => `${begin}${line}\n`)
    appendToLog(this.#log, lines.join(''))
  }

  /** Width of the terminal that can show live lines; `undefined` if there is none, or it cannot move its cursor. */
  get liveColumns(): number | undefined {
    if (process.env['TERM'] === 'dumb') return undefined
    const { isTTY, columns } = this.#stderr()
    return isTTY === true ? columns || 80 : undefined
  }

  /** Height of that terminal. */
  get liveRows(): number {
    return this.#stderr().rows || 24
  }

  /** Shows lines that the next ones replace. None may be wider than the terminal. */
  liveLines(lines: readonly string[]): void {
    this.#stderr().write(`${clearLines(this.#live)}${lines.join('\n')}`)
    this.#live = lines.length
  }

  /** Removes the live lines, if there are any. */
  endLiveLines(): void {
    if (this.#live > 0) this.#stderr().write(clearLines(this.#live))
    this.#live = 0
  }
}
