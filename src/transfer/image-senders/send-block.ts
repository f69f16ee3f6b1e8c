import type { PageStore } from '../../image/saved-machine.ts'
import { ramPages, ramZeros } from '../../wire/incoming-stream.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'

/** Zero pages in one part. */
const ZEROS_AT_ONCE = 65536

/** The destination of pages, such as a connection; the written bytes must not change afterwards. */
export interface PageSink {
  write(bytes: Uint8Array): Promise<void>
}

/** Options for sending a block. */
export interface SendBlockOptions {
  /** Numbers of the readers that read ahead of the sending. */
  readonly readers: readonly number[]
  /** Called after each frame, with its length in memory and in the image, and its number. */
  readonly onSent: (ramBytes: number, fileBytes: number, frame: number) => void
}

/**
 * Sends every page of one RAM block to the incoming socket. Pages without a frame are sent as zero, because a new QEMU has other contents there
 * (ROMs).
 * @throws ImageError, StorageError, QemuError, CancelledError
 */
export async function sendBlock(
  sink: PageSink,
  ramSection: number,
  pages: PageStore,
  block: number,
  options: SendBlockOptions,
): Promise<void> {
  const { name, length } = pages.blocks[block] as PageStore['blocks'][number]
  let nextPage = 0
  const sendZeros = async (end: number): Promise<void> => {
    for (; nextPage < end; nextPage = Math.min(end, nextPage + ZEROS_AT_ONCE)) {
      const count = Math.min(ZEROS_AT_ONCE, end - nextPage)
      await sink.write(ramZeros(ramSection, name, nextPage, count))
    }
  }
  for await (const { frame, bytes } of readInTurn(pages, block, options.readers)) {
    const { firstPage, pageCount } = pages.range(frame)
    await sendZeros(firstPage)
    await sink.write(ramPages(ramSection, name, firstPage, bytes))
    nextPage = firstPage + pageCount
    options.onSent(bytes.length, pages.storedLength(frame), frame)
  }
  await sendZeros(length / PAGE_SIZE)
}

/** The frames of a block in order, each reader working on one of the next. A frame's bytes are valid until the next is requested. */
async function* readInTurn(
  pages: PageStore,
  block: number,
  readers: readonly number[],
): AsyncGenerator<{ readonly frame: number; readonly bytes: Uint8Array }, void, undefined> {
  const end = firstFrameFrom(pages, block + 1)
  let next = firstFrameFrom(pages, block)
  const reads: Promise<{
    readonly frame: number
    readonly bytes: Uint8Array
    readonly reader: number
  }>[] = []
  const start = (reader: number): void => {
    if (next >= end) return
    const frame = next
    next += 1
    const read = pages.read(frame, reader).then((bytes) => ({ frame, bytes, reader }))
    // It is awaited later; without this an early failure would count as unhandled.
    read.catch(() => undefined)
    reads.push(read)
  }
  readers.forEach(start)
  try {
    for (let read = reads.shift(); read !== undefined; read = reads.shift()) {
      const { reader, ...result } = await read
      yield result
      start(reader)
    }
  } finally {
    await Promise.allSettled(reads)
  }
}

/** The first frame of `block` or of a later one; frames are ordered by block. */
function firstFrameFrom(pages: PageStore, block: number): number {
  let low = 0
  let high = pages.frameCount
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (pages.range(middle).block < block) low = middle + 1
    else high = middle
  }
  return low
}
