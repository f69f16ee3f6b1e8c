import { closeSync, fchownSync, fstatSync, openSync, readSync, rmSync } from 'node:fs'
import { storageError } from '../storage-error.ts'
import { dropLease, isAwaited, takeLease } from '../system-calls.ts'

/**
 * A new, empty file that another process is to open and write. That process waits in open(2) until `release`, or until this process ends. Disposing it
 * removes the file.
 */
export class LeasedFile implements Disposable {
  readonly #path: string
  readonly #fd: number
  #released = false

  /** Replaces an older file of that name. `owner`: whoever writes it, if that is another user. @throws StorageError */
  constructor({
    path,
    owner,
  }: {
    readonly path: string
    readonly owner: { readonly uid: number; readonly gid: number } | undefined
  }) {
    this.#path = path
    try {
      rmSync(path, { force: true })
      this.#fd = openSync(path, 'wx+', 0o600)
    } catch (error) {
      throw storageError('make a file for QEMU', path, error)
    }
    try {
      if (owner !== undefined) fchownSync(this.#fd, owner.uid, owner.gid)
      takeLease(this.#fd)
    } catch (error) {
      this[Symbol.dispose]()
      throw storageError('take a lease of a file', path, error)
    }
  }

  /** Whether a process waits to open it. */
  isAwaited(): boolean {
    return !this.#released && isAwaited(this.#fd)
  }

  /** Lets the process go on. */
  release(): void {
    if (!this.#released) dropLease(this.#fd)
    this.#released = true
  }

  /** What the other process has written. Throws Node's error. */
  content(): Buffer {
    const bytes = Buffer.alloc(fstatSync(this.#fd).size)
    let done = 0
    while (done < bytes.length) {
      const count = readSync(this.#fd, bytes, done, bytes.length - done, done)
      if (count === 0) break
      done += count
    }
    return bytes.subarray(0, done)
  }

  [Symbol.dispose](): void {
    // The lease ends with the descriptor.
    closeSync(this.#fd)
    rmSync(this.#path, { force: true })
  }
}
