import { koffi, libraryCalls } from '../koffi.ts'
import { SystemCallError, lastFault } from '../system-calls.ts'

const invoke = libraryCalls({
  setup: 'long syscall(long number, unsigned int most, void *context)',
  submit: 'long syscall(long number, size_t context, long count, void *requests)',
  take: 'long syscall(long number, size_t context, long least, long most, void *events, void *timeout)',
  destroy: 'long syscall(long number, size_t context)',
})

type Numbers = Readonly<Record<Parameters<typeof invoke>[0], number>>

/** The numbers of io_setup and so on (Linux arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h). */
const NUMBERS: Readonly<Record<string, Numbers>> = {
  x64: { setup: 206, destroy: 207, take: 208, submit: 209 },
  arm64: { setup: 0, destroy: 1, take: 4, submit: 2 },
}

/** `struct iocb` and `struct io_event` (Linux include/uapi/linux/aio_abi.h). */
const REQUEST_LENGTH = 64
const EVENT_LENGTH = 32
const READ = 0

/** A read that was started. */
export type QueuedRead = number

/**
 * Reads of one file that the disk carries out while this thread works (Linux io_submit(2)). A read that bypasses the page cache takes no thread; another one is complete
 * when it was started. Memory must stay until its read was awaited, or until this is disposed, which waits for all reads.
 */
export class QueuedReads implements Disposable {
  readonly #fd: number
  readonly #numbers: Numbers
  readonly #context: number
  readonly #requests: Buffer
  readonly #pointer = Buffer.alloc(8)
  readonly #events: Buffer
  readonly #free: QueuedRead[]
  /** The results of the system, of reads that have ended. */
  readonly #results = new Map<QueuedRead, number>()

  private constructor(fd: number, most: number, numbers: Numbers, context: number) {
    this.#fd = fd
    this.#numbers = numbers
    this.#context = context
    this.#requests = Buffer.alloc(most * REQUEST_LENGTH)
    this.#events = Buffer.alloc(most * EVENT_LENGTH)
    this.#free = [...Array(most).keys()]
  }

  /** At most `most` reads at a time. `undefined` where the system does not permit it: its number of reads is limited, and containers may forbid the call. */
  static open(fd: number, most: number): QueuedReads | undefined {
    const numbers = NUMBERS[process.arch]
    const context = Buffer.alloc(8)
    if (numbers === undefined || invoke('setup', numbers.setup, most, context) !== 0)
      return undefined
    return new QueuedReads(fd, most, numbers, Number(context.readBigUInt64LE()))
  }

  /** Starts to fill `memory` from `offset`. `undefined` if the system does not accept it now. */
  start(memory: Uint8Array, offset: number): QueuedRead | undefined {
    const read = this.#free.pop()
    if (read === undefined) return undefined
    const request = this.#requests.subarray(read * REQUEST_LENGTH, (read + 1) * REQUEST_LENGTH)
    request.fill(0)
    request.writeUInt32LE(read, 0)
    request.writeUInt16LE(READ, 16)
    request.writeUInt32LE(this.#fd, 20)
    request.writeBigUInt64LE(koffi().address(memory), 24)
    request.writeBigUInt64LE(BigInt(memory.length), 32)
    request.writeBigInt64LE(BigInt(offset), 40)
    this.#pointer.writeBigUInt64LE(koffi().address(request))
    if (invoke('submit', this.#numbers.submit, this.#context, 1, this.#pointer) === 1) return read
    this.#free.push(read)
    return undefined
  }

  /** Waits for a read; returns how many bytes there were. @throws SystemCallError */
  wait(read: QueuedRead): number {
    while (!this.#results.has(read)) this.#take()
    const result = this.#results.get(read) as number
    this.#results.delete(read)
    this.#free.push(read)
    if (result < 0) throw new SystemCallError('read', -result)
    return result
  }

  /** Waits until a read has ended. */
  #take(): void {
    const most = this.#events.length / EVENT_LENGTH
    const count = Number(
      invoke('take', this.#numbers.take, this.#context, 1, most, this.#events, null),
    )
    if (count < 0) {
      const fault = lastFault('io_getevents')
      if (fault.code !== 'EINTR') throw fault
    }
    for (let at = 0; at < count * EVENT_LENGTH; at += EVENT_LENGTH)
      this.#results.set(this.#events.readUInt32LE(at), Number(this.#events.readBigInt64LE(at + 16)))
  }

  [Symbol.dispose](): void {
    invoke('destroy', this.#numbers.destroy, this.#context)
  }
}
