import { QemuError } from '../../errors.ts'
import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { PageBitmap } from '../page-bitmap.ts'

/**
 * Records which pages of a stopped guest arrived, and refuses any page that QEMU sends twice. A page that arrives twice means that memory changed
 * although the guest was stopped. Across channels, the newer copy cannot be identified, so the save fails.
 */
export class PageLedger {
  readonly blocks: readonly AnnouncedBlock[]
  readonly ramBytes: number
  readonly #stored: readonly PageBitmap[]
  readonly #zero: readonly PageBitmap[]

  constructor(blocks: readonly AnnouncedBlock[]) {
    for (const block of blocks) {
      if (block.length % PAGE_SIZE !== 0)
        throw new QemuError(
          'QEMU_STREAM',
          `The length of RAM block "${block.name}" is not a multiple of the page size`,
        )
    }
    this.blocks = blocks
    this.ramBytes = blocks.reduce((sum, block) => sum + block.length, 0)
    this.#stored = blocks.map((block) => new PageBitmap(block.length / PAGE_SIZE))
    this.#zero = blocks.map((block) => new PageBitmap(block.length / PAGE_SIZE))
  }

  /** Bytes of pages that arrived with content, including bridged gaps. */
  get storedBytes(): number {
    return this.#stored.reduce((sum, map) => sum + map.count, 0) * PAGE_SIZE
  }

  /** Bytes of pages known to be zero. */
  get zeroBytes(): number {
    return this.#zero.reduce((sum, map) => sum + map.count, 0) * PAGE_SIZE
  }

  /** The position of the block called `name`. @throws QemuError QEMU_STREAM */
  position(name: string): number {
    const position = this.blocks.findIndex((block) => block.name === name)
    if (position < 0)
      throw new QemuError(
        'QEMU_STREAM',
        `QEMU sent pages of RAM block "${name}", which it did not announce`,
      )
    return position
  }

  /** Whether the page has already arrived with content. */
  isStored(block: number, page: number): boolean {
    return this.#stored[block]?.has(page) ?? false
  }

  /** Records stored pages. @throws QemuError QEMU_STREAM */
  store(block: number, firstPage: number, pageCount: number): void {
    this.#check(block, firstPage, pageCount)
    const again = this.#stored[block]?.mark(firstPage, pageCount)
    if (again !== undefined) throw this.#twice(block, again)
  }

  /** Records zero pages; a page that was bridged as a gap is already stored as zeros. @throws QemuError QEMU_STREAM */
  zero(block: number, firstPage: number, pageCount: number): void {
    this.#check(block, firstPage, pageCount)
    this.#zero[block]?.mark(firstPage, pageCount)
  }

  /** The first page that did not arrive, in words; `undefined` when all have. */
  missing(): string | undefined {
    for (const [block, { name, length }] of this.blocks.entries()) {
      const [stored, zero] = [this.#stored[block], this.#zero[block]]
      const pageCount = length / PAGE_SIZE
      for (let page = stored?.next(0, pageCount, false) ?? 0; page < pageCount;) {
        if (zero?.has(page) !== true) return `page ${page} of RAM block "${name}"`
        page = stored?.next(page + 1, pageCount, false) ?? pageCount
      }
    }
    return undefined
  }

  #check(block: number, firstPage: number, pageCount: number): void {
    const { name, length } = this.blocks[block] as AnnouncedBlock
    if ((firstPage + pageCount) * PAGE_SIZE > length) {
      throw new QemuError(
        'QEMU_STREAM',
        `QEMU sent page ${firstPage + pageCount - 1} of RAM block "${name}", which is shorter`,
      )
    }
  }

  #twice(block: number, page: number): QemuError {
    return new QemuError(
      'QEMU_STREAM',
      `QEMU sent page ${page} of RAM block "${this.blocks[block]?.name}" twice: memory changed while the guest was stopped`,
      {
        hint: 'Another program may write to the guest’s memory (vhost-user, shared memory). Save with --format channels, which allows that',
      },
    )
  }
}
