import { type StasisError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { hasReader } from '../../io/system-calls.ts'
import { writeNow } from '../../io/files/write-now.ts'

const STDOUT = 1

/**
 * Standard output. Writes at once, as Node does on Linux, but without `process.stdout`, which takes 2 ms to open. That is opened only for what a pipe
 * that does not block cannot take now.
 */
export class StandardOutput {
  #stream: NodeJS.WritableStream | undefined
  #isRead = true
  readonly #onLateFault: (error: StasisError) => void

  /** `onLateFault` receives the error of a write that a pipe could not take at once. */
  constructor(onLateFault: (error: StasisError) => void) {
    this.#onLateFault = onLateFault
  }

  /** False once the reader has stopped reading (`stasis list | head -1`), which is not an error. */
  get isRead(): boolean {
    return this.#isRead
  }

  /** Whether a pipe that could not take something at once gets it later. */
  get isStream(): boolean {
    return this.#stream !== undefined
  }

  /** Like `isRead`, but asks a pipe itself, also before anything is written to it. */
  hasReader(): boolean {
    if (this.#isRead && !hasReader(STDOUT)) this.#isRead = false
    return this.#isRead
  }

  /** @throws StorageError, but not when the reader has stopped reading */
  write(text: string): void {
    if (!this.#isRead) return
    if (this.#stream !== undefined) {
      this.#stream.write(text)
      return
    }
    try {
      const rest = writeNow(STDOUT, Buffer.from(text))
      if (rest.length === 0) return
      this.#stream = process.stdout
      this.#stream.on('error', (error: NodeJS.ErrnoException) => {
        if (!this.#isClosedPipe(error)) this.#onLateFault(faultOf(error))
      })
      this.#stream.write(rest)
    } catch (error) {
      if (!this.#isClosedPipe(error)) throw faultOf(error)
    }
  }

  #isClosedPipe(error: unknown): boolean {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return false
    this.#isRead = false
    return true
  }
}

function faultOf(error: unknown): StasisError {
  return storageError('write the result', 'standard output', error)
}
