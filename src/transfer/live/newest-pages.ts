import { read } from 'node:fs'
import { promisify } from 'node:util'
import { InternalError, QemuError, throwIfCancelled } from '../../errors.ts'
import { openSpoolFile, writeSpoolLater } from '../../io/files/spool-file.ts'
import { allocateSlots } from '../../io/memory/aligned-memory.ts'
import { storageError } from '../../io/storage-error.ts'
import { closeDescriptor, createMemoryFile } from '../../io/system-calls.ts'
import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { MAX_ADD_LENGTH, type MachineWriter } from '../convert/machine-writer.ts'
import { PageBitmap } from '../page-bitmap.ts'

const readAt = promisify(read)

/** The most page bytes that may be put between two flushes. */
export const MAX_UNFLUSHED: number = MAX_ADD_LENGTH

const WORKERS = 4

/** Consecutive pages in the buffer, and their place in the file. */
interface Run {
  readonly at: number
  readonly offset: number
  length: number
}

/** Pages of a block. */
interface Range {
  readonly block: number
  readonly firstPage: number
  readonly pageCount: number
}

/**
 * Keeps the newest content of each page of a guest that runs while its memory is sent, in a file without a name, each page at its own place. A page that comes
 * again replaces the former; one that became zero is forgotten.
 */
export class NewestPages implements Disposable {
  readonly #fd: number
  readonly #place: string
  readonly #buffer = Buffer.allocUnsafeSlow(MAX_UNFLUSHED)
  #fill = 0
  #runs: Run[] = []
  #blocks: readonly AnnouncedBlock[] = []
  #starts: readonly number[] = []
  #content: readonly PageBitmap[] = []
  #putPages = 0

  /** `directory`: where the file is; without one it is in memory. @throws StorageError */
  constructor(directory: string | undefined) {
    this.#fd =
      directory === undefined ? createMemoryFile('stasis newest pages') : openSpoolFile(directory)
    this.#place = directory ?? 'memory'
  }

  get blocks(): readonly AnnouncedBlock[] {
    return this.#blocks
  }

  get ramBytes(): number {
    return this.#blocks.reduce((sum, { length }) => sum + length, 0)
  }

  /** Bytes of the pages with content. */
  get contentBytes(): number {
    return this.#content.reduce((sum, { count }) => sum + count, 0) * PAGE_SIZE
  }

  /** Bytes of all pages with content that came, older versions included. */
  get putBytes(): number {
    return this.#putPages * PAGE_SIZE
  }

  /** Comes before any page. */
  begin(blocks: readonly AnnouncedBlock[]): void {
    let start = 0
    this.#blocks = blocks
    this.#starts = blocks.map(({ length }) => {
      const at = start
      start += length
      return at
    })
    this.#content = blocks.map(({ length }) => new PageBitmap(length / PAGE_SIZE))
  }

  /** Records zero pages. @throws QemuError QEMU_STREAM */
  zeros(block: number, firstPage: number, pageCount: number): void {
    this.#check(block, firstPage + pageCount)
    this.#content[block]?.unmark(firstPage, pageCount)
  }

  /** Takes a page; `bytes` is copied. At most `MAX_UNFLUSHED` bytes between two flushes. @throws QemuError QEMU_STREAM */
  put(block: number, page: number, bytes: Uint8Array): void {
    this.#check(block, page + 1)
    if (this.#fill + bytes.length > MAX_UNFLUSHED) throw new InternalError('Too many pages')
    const offset = this.#offset(block, page)
    const last = this.#runs.at(-1)
    if (last !== undefined && last.offset + last.length === offset) last.length += bytes.length
    else this.#runs.push({ at: this.#fill, offset, length: bytes.length })
    this.#buffer.set(bytes, this.#fill)
    this.#fill += bytes.length
    this.#putPages += 1
    this.#content[block]?.mark(page, 1)
  }

  /** Writes what was put, in its order. @throws StorageError */
  async flush(): Promise<void> {
    const runs = this.#runs
    this.#runs = []
    this.#fill = 0
    for (const { at, offset, length } of runs)
      await writeSpoolLater(this.#fd, this.#buffer.subarray(at, at + length), offset).catch(
        (error: unknown) => {
          throw storageError('keep the memory of the guest', this.#place, error)
        },
      )
  }

  /** Passes every page with content to a writer, which was begun, in the order of guest memory. @throws StorageError, CancelledError */
  async copyTo(writer: MachineWriter, signal: AbortSignal): Promise<void> {
    const ranges = this.#ranges()
    const copy = async (slot: Uint8Array): Promise<void> => {
      for (const { block, firstPage, pageCount } of ranges) {
        throwIfCancelled('write the image', signal)
        const bytes = slot.subarray(0, pageCount * PAGE_SIZE)
        await this.#read(bytes, this.#offset(block, firstPage))
        await writer.add(block, firstPage, bytes)
      }
    }
    const slots = allocateSlots(WORKERS, MAX_ADD_LENGTH)
    // All of them, also after a fault: the slots are in use until then.
    const ends = await Promise.allSettled([...slots].map((slot) => copy(slot)))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.#fd)
  }

  *#ranges(): Generator<Range, void> {
    const most = MAX_ADD_LENGTH / PAGE_SIZE
    for (const [block, content] of this.#content.entries()) {
      const end = (this.#blocks[block] as AnnouncedBlock).length / PAGE_SIZE
      for (let page = content.next(0, end, true); page < end;) {
        const last = content.next(page, end, false)
        for (; page < last; page += most)
          yield { block, firstPage: page, pageCount: Math.min(most, last - page) }
        page = content.next(last, end, true)
      }
    }
  }

  async #read(bytes: Uint8Array, offset: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await readAt(
        this.#fd,
        bytes,
        done,
        bytes.length - done,
        offset + done,
      ).catch((error: unknown) => {
        throw storageError('read the memory of the guest', this.#place, error)
      })
      if (bytesRead === 0) throw new InternalError('The file of the newest pages is too short')
      done += bytesRead
    }
  }

  #offset(block: number, page: number): number {
    return (this.#starts[block] as number) + page * PAGE_SIZE
  }

  #check(block: number, endPage: number): void {
    const { name, length } = this.#blocks[block] as AnnouncedBlock
    if (endPage * PAGE_SIZE > length)
      throw new QemuError(
        'QEMU_STREAM',
        `QEMU sent page ${endPage - 1} of RAM block "${name}", which is shorter`,
      )
  }
}
