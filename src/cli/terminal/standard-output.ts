import { storageError } from '../../errors.ts'
import { writeNow } from '../../io/write-now.ts'

const STDOUT = 1

/**
 * Standard output. Writes at once, as Node does on Linux, but without `process.stdout`, which takes 2 ms to open. That is opened only for what a pipe
 * that does not block cannot take now.
 */
export class StandardOutput {
  #stream: NodeJS.WritableStream | undefined

  write(text: string): void {
    if (this.#stream !== undefined) {
      this.#stream.write(text)
      return
    }
    try {
      const rest = writeNow(STDOUT, Buffer.from(text))
      if (rest.length === 0) return
      this.#stream = process.stdout
      this.#stream.on('error', ignoreClosedPipe)
      this.#stream.write(rest)
    } catch (error) {
      ignoreClosedPipe(error as NodeJS.ErrnoException)
    }
  }
}

/** The reader may stop reading (`stasis list | head -1`); that is not an error. @throws StorageError for other errors */
export function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw storageError('write the result', 'standard output', error)
}
