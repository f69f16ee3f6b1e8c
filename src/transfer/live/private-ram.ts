import { read as readFile } from 'node:fs'
import { promisify } from 'node:util'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import {
  type AddressRange,
  readForeignMemory,
  readForeignMemoryAtOnce,
} from '../../io/memory/foreign-memory.ts'
import { openMapped } from '../../io/memory/mappings.ts'
import { PrivatePages } from '../../io/memory/private-pages.ts'
import { rangesWithout } from '../../io/memory/ranges-without.ts'
import { closeDescriptor, tryShareLock } from '../../io/system-calls.ts'
import type { PageRange } from '../../image/saved-machine.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { type CopiedPages, copiedPages } from './copied-pages.ts'
import {
  type MemoryPiece,
  type PlacedMemory,
  type Untouched,
  memoryPieces,
} from './memory-layout.ts'

const readAsync = promisify(readFile)

/** Memory that the guest may change between a first look and its stop, in addition to what the first look found. */
const RESERVE = 32 * 1024 * 1024

/** One allocation holds no more (`allocateAligned`). */
const MOST_BYTES = 4 * 1024 ** 3

/**
 * Why the memory cannot be copied:
 * - `NOT_MAPPED`: no file is mapped, so all of it would be copied.
 * - `NOT_FOUND`: it was not found in the process, or its file is not open.
 * - `IMAGE_IN_USE`: another process is changing the file.
 * - `NO_PRIVILEGE`: we may not read it.
 * - `TOO_MUCH_CHANGED`: the copy would be too large.
 */
export type PrivateRamCode =
  | 'NOT_MAPPED'
  | 'NOT_FOUND'
  | 'IMAGE_IN_USE'
  | 'NO_PRIVILEGE'
  | 'TOO_MUCH_CHANGED'

/** Why the memory cannot be copied; `reason` completes a sentence. */
export interface PrivateRamRefusal {
  readonly code: PrivateRamCode
  readonly reason: string
}

/**
 * The memory of a QEMU whose guest stays on: the pages that QEMU has of its own are copied while the guest is stopped; the content of all others is in
 * the file that it has mapped, or zero. It reads the file through a descriptor of its own, so the file may lose its name.
 */
export class PrivateRam implements Disposable {
  readonly #pid: number
  readonly #pieces: readonly MemoryPiece[]
  readonly #files: ReadonlyMap<MemoryPiece, number>
  readonly #pages: PrivatePages
  readonly #limit: number
  #memory: Uint8Array = new Uint8Array(0)
  /** What was its own before the stop, by piece; it is in `#memory`. */
  #early: readonly (readonly AddressRange[])[] = []
  #lateMemory: Uint8Array = new Uint8Array(0)
  #late: readonly (readonly AddressRange[])[] = []
  readonly blocks: readonly PlacedMemory[]

  private constructor(
    pid: number,
    blocks: readonly PlacedMemory[],
    parts: {
      readonly pieces: readonly MemoryPiece[]
      readonly files: ReadonlyMap<MemoryPiece, number>
      readonly pages: PrivatePages
      readonly limit: number
    },
  ) {
    this.#pid = pid
    this.blocks = blocks
    this.#pieces = parts.pieces
    this.#files = parts.files
    this.#pages = parts.pages
    this.#limit = parts.limit
  }

  /**
   * Looks at the memory of a QEMU, which may run. `limit`: the most bytes that a copy may take. Returns why this way is not possible; then nothing is
   * open.
   */
  static open(
    pid: number,
    blocks: readonly PlacedMemory[],
    limit: number,
  ): PrivateRam | PrivateRamRefusal {
    using stack = new DisposableStack()
    const files = new Map<MemoryPiece, number>()
    try {
      const pieces = memoryPieces(pid, blocks)
      if (pieces === undefined)
        return { code: 'NOT_FOUND', reason: 'its memory was not found in its process' }
      if (!pieces.some(({ untouched }) => untouched.kind === 'file'))
        return { code: 'NOT_MAPPED', reason: 'the guest was not restored by map' }
      for (const piece of pieces) {
        if (piece.untouched.kind !== 'file') continue
        const fd = openMapped(pid, piece.untouched.file)
        if (fd === undefined) {
          const { path } = piece.untouched.file
          return { code: 'NOT_FOUND', reason: `QEMU has closed ${path}, its memory` }
        }
        stack.defer(() => closeDescriptor(fd))
        // QEMU has this lock. It would go with QEMU.
        if (!tryShareLock(fd))
          return { code: 'IMAGE_IN_USE', reason: 'another process is changing the file' }
        files.set(piece, fd)
      }
      const pages = stack.use(new PrivatePages(pid))
      const most = Math.min(limit, MOST_BYTES)
      const ownBytes = pieces.reduce((sum, piece) => sum + bytesOf(ownPages(piece, pages)), 0)
      if (ownBytes > most) return tooMuch(ownBytes, most)
      const sample = new Uint8Array(PAGE_SIZE)
      readForeignMemory(pid, [{ address: pieces[0]?.address ?? 0, length: PAGE_SIZE }], sample)
      const parts = { pieces, files, pages, limit: most }
      const ram = new PrivateRam(pid, blocks, parts)
      stack.move()
      return ram
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPERM' || code === 'EACCES')
        return { code: 'NO_PRIVILEGE', reason: 'this user may not read the memory of QEMU' }
      throw error
    }
  }

  /**
   * Call this just before the stop: it looks which pages will be copied, and makes the copy once while the guest runs. The first time takes several times as long: memory is touched, threads
   * start, code is compiled.
   * @throws SystemCallError ESRCH and others
   */
  async prepare(): Promise<void> {
    this.#early = this.#ownPages()
    const length = Math.min(sumOf(this.#early) + RESERVE, this.#limit)
    this.#memory = allocateAligned(length)
    // The kernel gives it at its first touch.
    this.#memory.fill(0)
    await this.#copy()
  }

  /**
   * Copies the pages that QEMU has of its own; the guest must be stopped. Those that it had before the stop are copied on all processors, while the others are searched. Returns why it
   * could not.
   * @throws SystemCallError ESRCH and others
   */
  copy(): Promise<PrivateRamRefusal | undefined> {
    return this.#copy()
  }

  async #copy(): Promise<PrivateRamRefusal | undefined> {
    const earlyBytes = sumOf(this.#early)
    if (earlyBytes > this.#limit) return tooMuch(earlyBytes, this.#limit)
    const place = this.#memory.subarray(0, earlyBytes)
    const copying = readForeignMemoryAtOnce(this.#pid, this.#early.flat(), place)
    try {
      const late = this.#ownPages().map((own, at) => rangesWithout(own, this.#early[at] ?? []))
      const lateBytes = sumOf(late)
      if (earlyBytes + lateBytes > this.#limit) return tooMuch(earlyBytes + lateBytes, this.#limit)
      const rest = this.#memory.subarray(earlyBytes)
      this.#lateMemory = lateBytes > rest.length ? allocateAligned(lateBytes) : rest
      readForeignMemory(this.#pid, late.flat(), this.#lateMemory)
      this.#late = late
    } finally {
      await copying
    }
    return undefined
  }

  /**
   * The memory at the copy, in steps of at most `length` bytes that lie in one block, in order. Steps in which everything is zero are left out. Any number of
   * steps may be read at once.
   */
  *steps(length: number): Generator<RamStep, void, undefined> {
    const copied = copiedPages(this.#pieces, [
      { ranges: this.#early, memory: this.#memory },
      { ranges: this.#late, memory: this.#lateMemory },
    ])
    let next = 0
    for (const piece of this.#pieces) {
      const fd = this.#files.get(piece)
      for (let done = 0; done < piece.length; done += length) {
        const firstPage = (piece.offset + done) / PAGE_SIZE
        const pageCount = Math.min(length, piece.length - done) / PAGE_SIZE
        const end = firstPage + pageCount
        const own: CopiedPages[] = []
        for (; ; next += 1) {
          const run = copied[next]
          if (run === undefined || run.block !== piece.block || run.firstPage >= end) break
          own.push(run)
          // The rest of it belongs to the next step.
          if (run.firstPage + run.pageCount > end) break
        }
        if (fd === undefined && own.length === 0) continue
        const base = fd === undefined ? undefined : { fd, offset: offsetIn(piece.untouched, done) }
        yield { block: piece.block, firstPage, pageCount, base, own }
      }
    }
  }

  /** Reads a step into `target`, which has its length. Throws Node's error. */
  async read({ firstPage, pageCount, base, own }: RamStep, target: Uint8Array): Promise<void> {
    const isOwn = own.length === 1 && own[0] !== undefined && covers(own[0], firstPage, pageCount)
    if (!isOwn) {
      const read = base === undefined ? 0 : await readFully(base.fd, target, base.offset)
      target.fill(0, read)
    }
    for (const run of own) {
      const from = Math.max(firstPage, run.firstPage)
      const to = Math.min(firstPage + pageCount, run.firstPage + run.pageCount)
      const start = (from - run.firstPage) * PAGE_SIZE
      const bytes = run.bytes.subarray(start, start + (to - from) * PAGE_SIZE)
      target.set(bytes, (from - firstPage) * PAGE_SIZE)
    }
  }

  #ownPages(): readonly (readonly AddressRange[])[] {
    return this.#pieces.map((piece) => ownPages(piece, this.#pages))
  }

  [Symbol.dispose](): void {
    this.#pages[Symbol.dispose]()
    for (const fd of this.#files.values()) closeDescriptor(fd)
  }
}

/** Consecutive pages of one block, and where their content is. */
export interface RamStep extends PageRange {
  readonly base: { readonly fd: number; readonly offset: number } | undefined
  readonly own: readonly CopiedPages[]
}

function ownPages(piece: MemoryPiece, pages: PrivatePages): readonly AddressRange[] {
  return piece.untouched.kind === 'shared' ? [piece] : pages.find(piece)
}

function offsetIn(untouched: Untouched, skipped: number): number {
  return untouched.kind === 'file' ? untouched.file.offset + skipped : 0
}

function covers(run: PageRange, firstPage: number, pageCount: number): boolean {
  return run.firstPage <= firstPage && run.firstPage + run.pageCount >= firstPage + pageCount
}

function sumOf(ranges: readonly (readonly AddressRange[])[]): number {
  return ranges.reduce((sum, runs) => sum + bytesOf(runs), 0)
}

function bytesOf(runs: readonly { readonly length: number }[]): number {
  return runs.reduce((sum, { length }) => sum + length, 0)
}

/** Reads as much as the file has. */
async function readFully(fd: number, target: Uint8Array, offset: number): Promise<number> {
  let done = 0
  while (done < target.length) {
    const { bytesRead } = await readAsync(fd, target, done, target.length - done, offset + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}

function tooMuch(needed: number, limit: number): PrivateRamRefusal {
  const mib = (bytes: number): number => Math.ceil(bytes / 1024 / 1024)
  return {
    code: 'TOO_MUCH_CHANGED',
    reason: `the guest has changed ${mib(needed)} MiB of its memory, and the copy may take ${mib(limit)} MiB`,
  }
}
