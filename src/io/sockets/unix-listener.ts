import { unlinkSync } from 'node:fs'
import { StasisError, UsageError } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { MAX_SOCKET_PATH_LENGTH, closeDescriptor, listenUnix } from '../system-calls.ts'

/** A non-blocking unix stream socket that listens; closing it removes its path. */
export class UnixListener implements Disposable {
  readonly path: string
  #fd: number | undefined

  private constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  /**
   * Listens on a path that does not exist yet. Everyone who can reach the path may connect: its directory decides that. The main thread only.
   * @throws UsageError PATH_TOO_LONG, StorageError
   */
  static open(path: string, backlog: number): UnixListener {
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_LENGTH) {
      throw new UsageError(
        'PATH_TOO_LONG',
        `The socket path ${path} is longer than ${MAX_SOCKET_PATH_LENGTH} bytes`,
        { path, hint: 'Use a shorter runtime directory' },
      )
    }
    // A QEMU of another user needs write access to the socket. A later chmod(2) would follow a link that it put there.
    const before = process.umask(0)
    try {
      return new UnixListener(path, listenUnix(path, backlog))
    } catch (error) {
      throw error instanceof StasisError ? error : storageError('listen on a socket', path, error)
    } finally {
      process.umask(before)
    }
  }

  /** The descriptor to accept from; `undefined` once closed. */
  get fd(): number | undefined {
    return this.#fd
  }

  close(): void {
    if (this.#fd === undefined) return
    closeDescriptor(this.#fd)
    this.#fd = undefined
    try {
      unlinkSync(this.path)
    } catch {
      // The path was already removed, with its directory.
    }
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
