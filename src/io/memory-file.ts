import { ftruncateSync, write } from 'node:fs'
import { promisify } from 'node:util'
import { StorageError } from '../errors.ts'
import { closeDescriptor, createMemoryFile } from './system-calls.ts'

const writeAsync = promisify(write)

/** An anonymous file in memory, all holes at first; another process that inherits its descriptor can map it. */
export class MemoryFile implements Disposable {
  readonly fd: number
  readonly length: number
  #closed = false

  /** `name` shows up in /proc only. */
  constructor(name: string, length: number) {
    this.fd = createMemoryFile(name)
    this.length = length
    ftruncateSync(this.fd, length)
  }

  /** Writes all of `bytes` at `offset`. @throws StorageError NO_SPACE when the host's memory does not suffice */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    let done = 0
    try {
      while (done < bytes.length) {
        const left = bytes.length - done
        done += (await writeAsync(this.fd, bytes, done, left, offset + done)).bytesWritten
      }
    } catch (cause) {
      throw new StorageError('NO_SPACE', 'The host has no memory left for that of the machine', {
        operation: 'fill the memory of the machine',
        hint: 'Free some memory, or look at the limits of its control group',
        cause,
      })
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    closeDescriptor(this.fd)
  }
}
