import { read } from 'node:fs'
import { promisify } from 'node:util'
import { InternalError, StorageError } from '../../errors.ts'
import { openSpoolFile } from '../../io/files/spool-file.ts'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import { shutDown } from '../../io/sockets/blocking-socket.ts'
import { storageError } from '../../io/storage-error.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import { WorkerThread } from '../worker-thread.ts'
import type { IntakeAnswer, IntakeJob, IntakeThreadData, TakenPiece } from './intake-job.ts'
import { IntakeState } from './intake-state.ts'

/** The space for a stream that comes faster than it is processed. */
export interface IntakeSpace {
  /** Bytes in memory, used first. */
  readonly memoryBytes: number
  /** Bytes in a file without a name in this directory, through the page cache. */
  readonly spool?: { readonly directory: string; readonly bytes: number } | undefined
  /**
   * For a sender that may wait: it does while this much is not processed yet, until `hurry()`, and then if everything is full. Default: it never waits, and the
   * stream fails if everything is full.
   */
  readonly backlogBytes?: number | undefined
}

/** How much of the space was used at most. */
export interface IntakeFigures {
  readonly receivedBytes: number
  readonly mostInMemoryBytes: number
  readonly mostInSpoolBytes: number
}

const readAt = promisify(read)

/**
 * Takes a stream from a socket as fast as its sender sends it, on a thread, and keeps what is not processed yet: first in memory, then in a file. The
 * sender waits for neither the disk nor the processing. If the space is full, the stream fails, and its rest is received and discarded.
 */
export class Intake implements AsyncDisposable {
  readonly #state = new IntakeState()
  readonly #memory: SharedArrayBuffer
  readonly #memoryLength: number
  readonly #spoolFd: number | undefined
  readonly #spoolLength: number
  readonly #directory: string
  readonly #thread: WorkerThread<IntakeJob, IntakeAnswer>
  readonly #queue: TakenPiece[] = []
  readonly #used = { memory: 0, spool: 0 }
  readonly #most = { memory: 0, spool: 0 }
  readonly #prepared = Promise.withResolvers<void>()
  #receivedBytes = 0
  #ended = false
  #fault: unknown
  #wake: () => void = () => undefined
  #fd: number | undefined

  /** Starts the thread. @throws StorageError */
  constructor({ memoryBytes, spool, backlogBytes }: IntakeSpace) {
    this.#memoryLength = memoryBytes
    this.#memory = allocateAligned(memoryBytes, { shared: true }).buffer as SharedArrayBuffer
    this.#spoolLength = spool?.bytes ?? 0
    this.#directory = spool?.directory ?? ''
    this.#spoolFd = spool === undefined ? undefined : openSpoolFile(spool.directory)
    const data: IntakeThreadData = {
      state: this.#state.memory,
      memory: this.#memory,
      memoryLength: memoryBytes,
      spool:
        this.#spoolFd === undefined ? undefined : { fd: this.#spoolFd, length: this.#spoolLength },
      backlogBytes,
    }
    try {
      this.#thread = new WorkerThread({
        program: new URL('./intake-thread.ts', import.meta.url),
        data,
        keepsProcess: true,
        onAnswer: (answer) => this.#take(answer),
        onFailure: (error) => this.#end(error),
      })
    } catch (error) {
      if (this.#spoolFd !== undefined) closeDescriptor(this.#spoolFd)
      throw error
    }
  }

  get figures(): IntakeFigures {
    return {
      receivedBytes: this.#receivedBytes,
      mostInMemoryBytes: this.#most.memory,
      mostInSpoolBytes: this.#most.spool,
    }
  }

  /** Settles when the thread can take a stream at once, or has failed: then the stream fails. */
  get prepared(): Promise<void> {
    return this.#prepared.promise
  }

  /** Starts to take; owns the descriptor from now on. */
  receive(fd: number): void {
    this.#fd = fd
    this.#thread.post({ fd })
  }

  /** What was taken, in its order, until the end of the stream. A piece is valid until the next is asked for. @throws StorageError */
  async *pieces(): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      if (this.#fault !== undefined) throw this.#fault
      const piece = this.#queue.shift()
      if (piece === undefined) {
        if (this.#ended) return
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        continue
      }
      yield await this.#bytesOf(piece)
      this.#used[piece.store] -= piece.to - piece.from
      this.#state.setTail(piece.store, piece.to)
    }
  }

  /** Whether a quarter of the space is left, or less. */
  get isNearlyFull(): boolean {
    const used = this.#used.memory + this.#used.spool
    return used > (this.#memoryLength + this.#spoolLength) * 0.75
  }

  /** From now on the sender waits only if all space is full. */
  hurry(): void {
    this.#state.hurry()
  }

  /** Receives and discards the rest from now on: see `ImageReceiver`. */
  discard(): void {
    this.#state.discard()
    this.#end(new InternalError('The stream was discarded'))
  }

  /** Ends the connection: a QEMU that still sends sees its migration fail. */
  hangUp(): void {
    if (this.#fd !== undefined) shutDown(this.#fd)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.discard()
    this.hangUp()
    await this.#thread[Symbol.asyncDispose]()
    // Not while the thread uses them: the number of a closed descriptor may be reused at once.
    if (this.#fd !== undefined) closeDescriptor(this.#fd)
    if (this.#spoolFd !== undefined) closeDescriptor(this.#spoolFd)
    this.#fd = undefined
  }

  async #bytesOf({ store, from, to }: TakenPiece): Promise<Uint8Array> {
    const length = to - from
    if (store === 'memory') return new Uint8Array(this.#memory, from % this.#memoryLength, length)
    const bytes = Buffer.allocUnsafe(length)
    for (let done = 0; done < length;) {
      const at = (from % this.#spoolLength) + done
      const { bytesRead } = await readAt(this.#spoolFd as number, bytes, done, length - done, at)
      if (bytesRead === 0) throw new InternalError('The spool of a stream is too short')
      done += bytesRead
    }
    return bytes
  }

  #take(answer: IntakeAnswer): void {
    switch (answer.kind) {
      case 'prepared':
        return this.#prepared.resolve()
      case 'piece': {
        const { store, from, to } = answer
        this.#receivedBytes += to - from
        this.#used[store] += to - from
        this.#most[store] = Math.max(this.#most[store], this.#used[store])
        this.#queue.push(answer)
        return this.#wake()
      }
      case 'end':
        return this.#end(undefined)
      case 'full':
        return this.#end(this.#full())
      case 'failed': {
        const cause = Object.assign(new Error(answer.message), { code: answer.code })
        return this.#end(storageError('keep the stream of QEMU', this.#directory, cause))
      }
    }
  }

  #end(fault: unknown): void {
    this.#ended = true
    this.#fault ??= fault
    this.#prepared.resolve()
    this.#wake()
  }

  #full(): StorageError {
    const bytes = this.#memoryLength + this.#spoolLength
    return new StorageError(
      'NO_SPACE',
      `QEMU sent memory faster than it could be written, and the ${Math.floor(bytes / 2 ** 20)} MiB for that are full`,
      {
        operation: 'keep the stream of QEMU',
        hint: 'Save to a faster disk, or to one with more free space for the temporary file',
      },
    )
  }
}
