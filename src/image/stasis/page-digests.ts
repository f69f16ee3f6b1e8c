import { hash } from 'node:crypto'
import type { AnnouncedBlock } from '../../wire/main-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'

/** Length of the digest of a page: so much of a SHA-256 that two pages with one digest may be taken for equal. */
export const PAGE_DIGEST_LENGTH = 16

const NONE = Buffer.alloc(PAGE_DIGEST_LENGTH)

/** A digest of each page of a machine's memory. Zero pages, and pages that are not known, have none. */
export class PageDigests {
  readonly blocks: readonly AnnouncedBlock[]
  readonly #tables: readonly Buffer[]

  /** By default without any digest. */
  constructor(blocks: readonly AnnouncedBlock[], tables?: readonly Buffer[]) {
    this.blocks = blocks.map(({ name, length }) => ({ name, length }))
    this.#tables =
      tables ?? blocks.map(({ length }) => Buffer.alloc((length / PAGE_SIZE) * PAGE_DIGEST_LENGTH))
  }

  /** The digests of each block. */
  get tables(): readonly Buffer[] {
    return this.#tables
  }

  /** Computes and keeps the digest of a page that is not zero. */
  compute(block: number, page: number, bytes: Uint8Array): void {
    const at = page * PAGE_DIGEST_LENGTH
    const digest = hash('sha256', bytes, 'buffer')
    this.#tables[block]?.set(digest.subarray(0, PAGE_DIGEST_LENGTH), at)
  }

  /** Takes over the digest that a page has in another machine, which is known to have the same page. Returns `false` if it has none. */
  take(other: PageDigests, block: number, page: number): boolean {
    const { name, length } = this.blocks[block] as AnnouncedBlock
    const others = other.#table(name, length)
    const start = page * PAGE_DIGEST_LENGTH
    const end = start + PAGE_DIGEST_LENGTH
    if (others === undefined || NONE.compare(others, start, end) === 0) return false
    this.#tables[block]?.set(others.subarray(start, end), start)
    return true
  }

  /** Whether a page that has a digest here has the same in the block of the same name and length of another machine. */
  isAsIn(other: PageDigests, block: number, page: number): boolean {
    const table = this.#tables[block]
    const { name, length } = this.blocks[block] as AnnouncedBlock
    const others = other.#table(name, length)
    if (table === undefined || others === undefined) return false
    const start = page * PAGE_DIGEST_LENGTH
    const end = start + PAGE_DIGEST_LENGTH
    return (
      table.compare(others, start, end, start, end) === 0 && NONE.compare(table, start, end) !== 0
    )
  }

  #table(name: string, length: number): Buffer | undefined {
    return this.#tables[
      this.blocks.findIndex((block) => block.name === name && block.length === length)
    ]
  }
}
