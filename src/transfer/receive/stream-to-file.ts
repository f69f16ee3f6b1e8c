import { crc32c } from '../../io/crc32c.ts'
import { Socket } from 'node:net'
import { InternalError } from '../../errors.ts'
import { DIRECT_ALIGNMENT, alignUp, allocateSlots } from '../../io/memory/aligned-memory.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'

const SLOT_COUNT = 3
const SLOT_LENGTH = 1024 * 1024

/** How much of the stream `headCrc` covers. */
const HEAD_LENGTH = 4096

interface Slot {
  readonly memory: Uint8Array
  /** Its bytes are being written to the disk. */
  busy: boolean
}

/**
 * Writes a connection's bytes into a file from an aligned offset on. Each read of the socket fills an aligned slot. Full slots bypass the page cache
 * while the next fills; when all are being written the socket pauses, and QEMU waits.
 */
export class StreamToFile {
  /**
   * Settles when the connection has ended and everything is written, the last piece padded with zeros to 4096 bytes. No write is pending after it,
   * even after a failure.
   */
  readonly ended: Promise<void>
  readonly #file: DirectFile
  readonly #start: number
  readonly #socket: Socket
  // Used in turn. Node requests the next buffer directly after a read, even when that read pauses the socket. The next slot may be busy then, and
  // reading resumes when it is free.
  readonly #slots: readonly Slot[]
  readonly #writes = new Set<Promise<void>>()
  readonly #over: () => void
  #turn = 0
  #fill = 0
  #paused = false
  #discarding = false
  #fault: unknown
  #bytesRead = 0
  #bytesWritten = 0
  #crc = 0
  #headCrc = 0

  /** `first` are bytes that were already read from `fd`; `start` is a multiple of 4096. Takes ownership of `fd`. */
  constructor(fd: number, first: Uint8Array, file: DirectFile, start: number) {
    this.#file = file
    this.#start = start
    this.#slots = allocateSlots(SLOT_COUNT, SLOT_LENGTH).map((memory) => ({ memory, busy: false }))
    this.#slot.memory.set(first)
    this.#received(first.length)
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: false,
      onread: {
        buffer: () => this.#slot.memory.subarray(this.#discarding ? 0 : this.#fill),
        callback: (length) => this.#discarding || this.#received(length),
      },
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#over = resolve
    this.#socket.once('close', () => resolve())
    this.#socket.on('error', (error) => {
      this.#fault ??= error
    })
    this.ended = promise.then(() => this.#finish())
    this.ended.catch(() => undefined)
    this.#socket.resume()
  }

  /** Length of the stream so far. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** Bytes that the disk has accepted so far. */
  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /** crc32c of the stream so far. */
  get crc(): number {
    return this.#crc
  }

  /** crc32c of the stream's first 4096 bytes, or of all when it is shorter; after `ended`. */
  get headCrc(): number {
    return this.#headCrc
  }

  /** Receives and discards the rest from now on: see `ImageReceiver`. `ended` settles without it. */
  discard(): void {
    if (this.#discarding) return
    this.#discarding = true
    this.#fault ??= new InternalError('A stream was discarded')
    this.#over()
    this.#socket.resume()
  }

  /** Ends the connection at once: QEMU sees its migration fail. */
  destroy(): void {
    this.#socket.destroy()
  }

  get #slot(): Slot {
    return this.#slots[this.#turn % SLOT_COUNT] as Slot
  }

  /** Returns false to pause the socket. */
  #received(length: number): boolean {
    const { memory } = this.#slot
    this.#crc = crc32c(memory.subarray(this.#fill, this.#fill + length), this.#crc)
    this.#bytesRead += length
    this.#fill += length
    if (this.#fill === memory.length) this.#send()
    this.#paused = this.#slot.busy
    return !this.#paused
  }

  /** Starts to write the present slot, and moves on to the next. */
  #send(): void {
    const slot = this.#slot
    const offset = this.#bytesRead - this.#fill
    const length = alignUp(this.#fill, DIRECT_ALIGNMENT)
    slot.memory.fill(0, this.#fill, length)
    if (offset === 0)
      this.#headCrc = crc32c(slot.memory.subarray(0, Math.min(HEAD_LENGTH, this.#fill)))
    const write = this.#write(slot, length, this.#start + offset)
    this.#writes.add(write)
    void write.then(() => this.#writes.delete(write))
    this.#turn += 1
    this.#fill = 0
  }

  /** Never rejects: the error is stored, and everything after it is discarded. */
  async #write(slot: Slot, length: number, offset: number): Promise<void> {
    slot.busy = true
    try {
      await this.#file.write(slot.memory.subarray(0, length), offset)
      this.#bytesWritten += length
    } catch (error) {
      this.#fault ??= error
      this.discard()
      return
    }
    slot.busy = false
    if (this.#paused && !this.#slot.busy && !this.#discarding) {
      this.#paused = false
      this.#socket.resume()
    }
  }

  async #finish(): Promise<void> {
    if (this.#fault === undefined && this.#fill > 0) this.#send()
    while (this.#writes.size > 0) await Promise.all(this.#writes)
    if (this.#fault !== undefined) throw this.#fault
  }
}
