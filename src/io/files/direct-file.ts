import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { InternalError, StorageError } from '../../errors.ts'
import { storageError } from '../storage-error.ts'
import { DIRECT_ALIGNMENT, isDirectMemory } from '../memory/aligned-memory.ts'
import { deviceLength, reserveBlocks } from '../system-calls.ts'
import { BusyTime } from './busy-time.ts'

/**
 * How a file is opened: `read`, `create` (must not exist, mode 0600, read and write), `update` (must exist, read and write) or `exclusive`: as `update`,
 * for a block device that is not in use (Linux open(2), O_EXCL).
 */
export type DirectFileMode = 'read' | 'create' | 'update' | 'exclusive'

const FLAGS: Readonly<Record<DirectFileMode, number>> = {
  read: constants.O_RDONLY,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  update: constants.O_RDWR,
  exclusive: constants.O_RDWR | constants.O_EXCL,
}

/**
 * A file with two descriptors: one that bypasses the page cache for large aligned transfers, and one through the cache for the small rest (headers,
 * unaligned tails). Where the file system refuses O_DIRECT, both go through the cache and `direct` is false.
 */
export class DirectFile implements AsyncDisposable {
  readonly path: string
  /** What was written past the page cache. */
  readonly directWrites: BusyTime = new BusyTime()
  readonly #mode: DirectFileMode
  readonly #cached: FileHandle
  #direct: FileHandle | undefined
  #observe: ((bytes: Uint8Array, offset: number) => void) | undefined
  #closed = false

  private constructor(path: string, mode: DirectFileMode, cached: FileHandle) {
    this.path = path
    this.#mode = mode
    this.#cached = cached
  }

  /**
   * Opens `path`. With `direct`, tries O_DIRECT, and uses the page cache silently where the file system does not support it.
   * @throws StorageError
   */
  static async open(
    path: string,
    mode: DirectFileMode,
    options: { readonly direct: boolean },
  ): Promise<DirectFile> {
    const operation = mode === 'create' ? 'create the file' : 'open the file'
    let file: DirectFile
    try {
      file = new DirectFile(path, mode, await openPlain(path, FLAGS[mode]))
    } catch (error) {
      throw storageError(operation, path, error)
    }
    try {
      if (options.direct) await file.bypassCache(mode === 'read' ? 'read' : 'update')
      return file
    } catch (error) {
      await file.close().catch(() => undefined)
      throw error
    }
  }

  /** Whether large transfers really bypass the page cache. */
  get direct(): boolean {
    return this.#direct !== undefined
  }

  /**
   * Makes large aligned transfers bypass the page cache from now on, where the file system supports O_DIRECT. For a file that was opened with
   * `direct: false`.
   * @throws StorageError
   */
  async bypassCache(mode: Exclude<DirectFileMode, 'create'> = 'read'): Promise<void> {
    try {
      // By the descriptor, because another file may have this path by now.
      const flags = (mode === 'read' ? FLAGS.read : FLAGS.update) | constants.O_DIRECT
      this.#direct = await open(`/proc/self/fd/${this.fd}`, flags)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EINVAL') return
      throw storageError('open the file', this.path, error)
    }
  }

  /** Calls `observe` for each write from now on, before it. */
  observeWrites(observe: (bytes: Uint8Array, offset: number) => void): void {
    this.#observe = observe
  }

  /** The cached descriptor, for functions that Node's `fs` lacks. */
  get fd(): number {
    return this.#cached.fd
  }

  /** The descriptor for large aligned transfers, for other threads. */
  get directFd(): number {
    return (this.#direct ?? this.#cached).fd
  }

  /** Size in bytes, also of a block device. */
  async size(): Promise<number> {
    return this.#run('read the size of the file', async () => {
      const facts = await this.#cached.stat()
      return facts.isBlockDevice() ? deviceLength(this.fd) : facts.size
    })
  }

  /** Writes all of `bytes` at `offset`, past the page cache when both and the address are aligned. */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    const handle = this.#pick(bytes, offset)
    this.#observe?.(bytes, offset)
    let done = 0
    await this.#run('write', async () => {
      while (done < bytes.length) {
        const write = handle.write(bytes, done, bytes.length - done, offset + done)
        const { bytesWritten } = await this.#timed(handle, bytes.length - done, write)
        if (bytesWritten === 0) throw new InternalError(`A write to ${this.path} wrote no bytes`)
        done += bytesWritten
      }
    })
  }

  /** Writes pieces of memory one after another from `offset` on, in one system call where the alignment permits it. */
  async writeAll(pieces: readonly Uint8Array[], offset: number): Promise<void> {
    const [only] = pieces
    if (pieces.length === 1 && only !== undefined) return this.write(only, offset)
    const handle = pieces.every((piece) => this.#pick(piece, offset) === this.#direct)
      ? this.#direct
      : this.#cached
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    let observed = offset
    for (const piece of pieces) {
      this.#observe?.(piece, observed)
      observed += piece.length
    }
    const result = await this.#run('write', async () => {
      const chosen = handle ?? this.#cached
      return this.#timed(chosen, length, chosen.writev(pieces as Uint8Array[], offset))
    })
    if (result.bytesWritten === length) return
    // The disk accepted less, as when it is nearly full. Write the pieces one by one, which reports the reason.
    let at = offset
    for (const piece of pieces) {
      await this.write(piece, at)
      at += piece.length
    }
  }

  /** Fills `buffer` from `offset`; returns how many bytes there were before the end of the file. */
  async read(buffer: Uint8Array, offset: number): Promise<number> {
    const handle = this.#pick(buffer, offset)
    let done = 0
    await this.#run('read', async () => {
      while (done < buffer.length) {
        const { bytesRead } = await handle.read(buffer, done, buffer.length - done, offset + done)
        done += bytesRead
        // A direct read that ends at an unaligned offset has reached the end of the file; another read would be unaligned.
        if (bytesRead === 0 || (handle === this.#direct && bytesRead % DIRECT_ALIGNMENT !== 0))
          break
      }
    })
    return done
  }

  /** Reserves blocks ahead of the writers, so that they do not queue for the growth of the file. */
  reserve(offset: number, length: number): boolean {
    try {
      return reserveBlocks(this.#cached.fd, offset, length)
    } catch (error) {
      throw storageError('reserve space', this.path, error)
    }
  }

  /** Truncates or extends the file. */
  async truncate(length: number): Promise<void> {
    await this.#run('set the size', async () => {
      await this.#cached.truncate(length)
    })
  }

  /** Waits until data and size are on the disk. */
  async sync(): Promise<void> {
    await this.#run('flush to disk', async () => {
      await this.#cached.sync()
    })
  }

  /** Closes both descriptors. A file that was only read is whole, whatever closing it reports. @throws StorageError */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#run('close', async () => {
      const ends = await Promise.allSettled([this.#direct?.close(), this.#cached.close()])
      const failed = ends.find((end) => end.status === 'rejected')
      if (failed !== undefined && this.#mode !== 'read') throw failed.reason
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #timed<T>(handle: FileHandle, bytes: number, write: Promise<T>): Promise<T> {
    return handle === this.#direct ? this.directWrites.during(bytes, write) : write
  }

  #pick(bytes: Uint8Array, offset: number): FileHandle {
    const fits = offset % DIRECT_ALIGNMENT === 0 && isDirectMemory(bytes)
    return fits && this.#direct !== undefined ? this.#direct : this.#cached
  }

  async #run<T>(operation: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw storageError(`${operation} ${this.path}`, this.path, error)
    }
  }
}

/** Opens a file or device. Refuses a pipe without waiting for it. */
async function openPlain(path: string, flags: number): Promise<FileHandle> {
  const handle = await open(path, flags | constants.O_NONBLOCK, 0o600)
  try {
    const facts = await handle.stat()
    if (!facts.isFIFO() && !facts.isSocket()) return handle
  } catch (error) {
    await handle.close()
    throw error
  }
  await handle.close()
  throw new StorageError('IO_ERROR', `Could not open ${path}: it is not a regular file`, { path })
}
