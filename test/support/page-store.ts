import { crc32c } from '@node-rs/crc32'
import { writeFile } from 'node:fs/promises'
import { zstdCompressSync } from 'node:zlib'
import type { PageRange } from '../../src/image/saved-machine.ts'
import { FrameTable } from '../../src/image/stasis/frame-table.ts'
import { StasisPageStore } from '../../src/image/stasis/page-store.ts'
import { DirectFile } from '../../src/io/files/direct-file.ts'
import { PAGE_SIZE } from '../../src/wire/page-size.ts'
import { testPages } from './stasis-image.ts'

/** Frames of a stasis image in a separate file. */
export interface TestPageStore extends AsyncDisposable {
  readonly pages: StasisPageStore
  /** The content of each block. */
  readonly memory: readonly Buffer[]
}

/**
 * Writes frames to `path`, in the order of `frames`, which is not the order of their pages (the store numbers them by block and page).
 * `damage` changes the stored bytes of one frame and keeps its checksum.
 */
export async function testPageStore(
  path: string,
  blocks: readonly { readonly name: string; readonly pageCount: number }[],
  frames: readonly PageRange[],
  options: { readonly codec: 'none' | 'zstd'; readonly damage?: number },
): Promise<TestPageStore> {
  const { codec } = options
  const memory = blocks.map(({ pageCount }) => Buffer.alloc(pageCount * PAGE_SIZE))
  const unsorted = new FrameTable()
  const pieces: Buffer[] = []
  let at = 0
  for (const [position, { block, firstPage, pageCount }] of frames.entries()) {
    const bytes = testPages(block * 100_000 + firstPage, pageCount)
    bytes.copy(memory[block] as Buffer, firstPage * PAGE_SIZE)
    const stored = codec === 'none' ? bytes : zstdCompressSync(bytes)
    const storedLength = stored.length
    unsorted.append({
      ...{ offset: at, storedLength, crc: crc32c(stored), firstPage, pageCount, block, codec },
    })
    if (position === options.damage) stored.writeUInt8(stored.readUInt8(9) ^ 1, 9)
    const padding = Buffer.alloc(Math.ceil(storedLength / 8) * 8 - storedLength)
    pieces.push(stored, padding)
    at += storedLength + padding.length
  }
  await writeFile(path, Buffer.concat(pieces))
  const records = Buffer.alloc(frames.length * 32)
  unsorted.sortInto(records)
  const file = await DirectFile.open(path, 'read', { direct: true })
  const none = { offset: 0, length: 0, crc: 0 }
  const pages = new StasisPageStore(file, {
    head: none,
    device: { ...none, sectionsLength: 0 },
    ramSection: 2,
    blocks: blocks.map(({ name, pageCount }) => ({
      ...{ name, length: pageCount * PAGE_SIZE, linearOffset: undefined },
    })),
    frames: new FrameTable(records),
  })
  return { pages, memory, [Symbol.asyncDispose]: () => file.close() }
}
