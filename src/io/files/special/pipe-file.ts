import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CancelledError, StorageError, throwIfCancelled } from '../../../errors.ts'
import { storageError } from '../../storage-error.ts'
import { STICKY, WRITABLE_BY_OTHERS, placeOf } from '../file-place.ts'
import { hasReader, unreadBytes } from '../../system-calls.ts'

/** How a pipe is opened. */
export interface PipeOptions {
  /** Ends the wait for a reader, and every later wait for it. */
  readonly signal?: AbortSignal | undefined
  /** Called once if no process has the pipe open for reading yet. */
  readonly onWait?: (() => void) | undefined
}

const READER_MS = 50
const DRAIN_MS = 2

/** A pipe that is open for writing, whose reader can be slow, can go away, and can be asked how much it has taken. */
export class PipeFile implements AsyncDisposable {
  readonly kind = 'pipe'
  readonly path: string
  readonly #fd: number
  readonly #socket: Socket
  readonly #signal: AbortSignal | undefined
  #fault: Error | undefined
  readonly #onAbort = (): void => this.abandon()

  private constructor(path: string, fd: number, signal: AbortSignal | undefined) {
    this.path = path
    this.#fd = fd
    this.#signal = signal
    this.#socket = new Socket({ fd, readable: false, writable: true })
    // Each write reports its own error.
    this.#socket.on('error', () => undefined)
    signal?.addEventListener('abort', this.#onAbort)
  }

  /** Opens a pipe, and waits for a reader. @throws StorageError, CancelledError */
  static async open(path: string, { signal, onWait }: PipeOptions = {}): Promise<PipeFile> {
    await refusePlanted(path)
    let waits = false
    for (;;) {
      throwIfCancelled(`wait for a reader of ${path}`, signal)
      const fd = await openForWriting(path)
      if (fd !== undefined) return new PipeFile(path, fd, signal)
      if (!waits) onWait?.()
      waits = true
      await delay(READER_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Settles when the pipe has taken all of `bytes`. @throws StorageError when its reader is gone, CancelledError */
  async write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#socket.write(bytes, (error) => {
      if (error) reject(this.#faultOf(error))
      else resolve()
    })
    await promise
  }

  /** Settles when the reader has taken everything that was written. @throws StorageError when it went away before that, CancelledError */
  async drained(): Promise<void> {
    for (;;) {
      if (this.#socket.destroyed) throw this.#faultOf(undefined)
      // In this order: a reader may take the rest and go away between the two calls.
      const isRead = hasReader(this.#fd)
      if (unreadBytes(this.#fd) === 0) return
      if (!isRead) throw readerGone(this.path, undefined)
      await delay(DRAIN_MS)
    }
  }

  /** From now on no signal ends a wait: the reader may have everything. */
  commit(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }

  /** Closes the pipe at once. Writes that wait for the reader fail. */
  abandon(): void {
    this.#socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.commit()
    if (this.#socket.closed) return
    const closed = new Promise((resolve) => this.#socket.once('close', resolve))
    this.#socket.destroy()
    await closed
  }

  #faultOf(error: NodeJS.ErrnoException | undefined): Error {
    if (this.#fault !== undefined) return this.#fault
    if (this.#signal?.aborted === true)
      return new CancelledError(`write to ${this.path}`, this.#signal.reason)
    if (error?.code === 'ERR_STREAM_DESTROYED')
      return (this.#fault ??= new CancelledError(`write to ${this.path}`, undefined))
    if (error === undefined || error.code === 'EPIPE')
      return (this.#fault ??= readerGone(this.path, error))
    return storageError('write to the pipe', this.path, error)
  }
}

function readerGone(path: string, cause: unknown): StorageError {
  return new StorageError(
    'IO_ERROR',
    `Could not write to ${path}: the process that was reading it has stopped`,
    {
      operation: 'write to the pipe',
      path,
      cause,
      hint: 'Find out why the reader ended, then try again',
    },
  )
}

/** `undefined` when nobody has the pipe open for reading. */
async function openForWriting(path: string): Promise<number | undefined> {
  let fd: number
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO')
      throw storageError('open the pipe', path, error)
    // A pipe without a name, as behind /dev/stdout, gets no other reader.
    if (basename(await placeOf(path)).startsWith('pipe:[')) throw readerGone(path, error)
    return undefined
  }
  if (fstatSync(fd).isFIFO()) return fd
  closeSync(fd)
  throw new StorageError('IO_ERROR', `Could not open ${path}: it is no longer a pipe`, { path })
}

/**
 * In a directory that all users can write to, another user can have made a pipe with the name of an image that we are about to save, and would receive
 * the memory of the guest. The rule is the kernel's own for creating files (`fs.protected_fifos`, Linux proc(5)).
 * @throws StorageError NO_PERMISSION
 */
async function refusePlanted(path: string): Promise<void> {
  const place = await placeOf(path)
  const [pipe, holder] = await Promise.all([
    stat(path),
    // The pipe behind /dev/stdout is in no directory.
    lstat(dirname(place)).catch(() => undefined),
  ]).catch((error: unknown) => {
    throw storageError('open the pipe', path, error)
  })
  const shared =
    holder !== undefined && (holder.mode & STICKY) !== 0 && (holder.mode & WRITABLE_BY_OTHERS) !== 0
  if (!shared || pipe.uid === process.getuid?.() || pipe.uid === holder.uid) return
  throw new StorageError(
    'NO_PERMISSION',
    `${path} is a pipe of another user in a directory that all users can write to, so it is not used`,
    { path, hint: `Make the pipe yourself, or in a directory other than ${dirname(place)}` },
  )
}
