import type { ImageError } from '../../errors.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { incomingHead } from '../../wire/incoming-stream.ts'
import { MainStreamParser } from '../../wire/main-stream.ts'
import {
  MAPPED_RAM_ALIGNMENT,
  MAX_MAPPED_BLOCK_LENGTH,
  MAX_MAPPED_START_LENGTH,
  type MappedBlock,
  type MappedRamStart,
  bitmapLength,
  parseMappedBlock,
  parseMappedStart,
} from '../../wire/mapped-ram.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { WireError } from '../../wire/wire-error.ts'
import { digestCheck } from '../digest/check-digest.ts'
import { FileWindow, type WindowCheck } from '../stasis/file-window.ts'
import { imageDamaged, imageTruncated, imageWireFault } from '../image-fault.ts'
import type { OpenedImage } from '../opened-image.ts'
import type { SavedMachine } from '../saved-machine.ts'
import { SparsePageStore } from './page-store.ts'
import { PageRuns } from './page-runs.ts'

const MAX_BLOCKS = 4096
const MAX_TAIL_LENGTH = 1024 * 1024 * 1024

/** Page numbers have 32 bits (`PageRuns`). */
const MAX_USED_LENGTH = 2 ** 32 * PAGE_SIZE

/** The bitmaps of 64 TiB are 2 GiB. Only a file that is one large hole claims more. */
const MAX_TOTAL_LENGTH = 2 ** 46

/** Each takes 8 bytes: this is 1 GiB. */
const MAX_RUNS = 2 ** 27

/** The bitmap of 8 GiB: a bitmap may be long, in a file that is nothing but a hole. */
const BITMAP_PIECE = 256 * 1024

/** Length of the end of a part of the RAM section. `incomingHead` includes it; in this file it follows the pages. */
const PART_END_LENGTH = 13

/**
 * Reads libvirt's `sparse` format (docs/format/sparse.md). Checks every offset in it before use.
 * @throws ImageError, StorageError
 */
export async function openSparse(image: OpenedImage): Promise<SavedMachine> {
  const { file, bodyOffset, fileLength, description, digest, options } = image
  // A search for all damage compares with the digest by itself.
  const check =
    options.onFault === undefined ? digestCheck(file.path, digest, undefined) : undefined
  const source = check === undefined ? file : new CheckedReader(file, check)
  const start = await readStart(source, bodyOffset)
  if (start.totalLength > MAX_TOTAL_LENGTH)
    throw damaged(file.path, bodyOffset, `its memory cannot have ${start.totalLength} bytes`)
  const blocks: MappedBlock[] = []
  const runs = new PageRuns()
  let at = bodyOffset + start.length
  for (let left = start.totalLength; left > 0;) {
    const block = await readBlock(source, at, fileLength, left)
    if (blocks.length === MAX_BLOCKS)
      throw damaged(file.path, at, `it has more than ${MAX_BLOCKS} RAM blocks`)
    if (blocks.some(({ name }) => name === block.name))
      throw damaged(file.path, at, `two RAM blocks have the name ${block.name}`)
    await readBitmap(source, block, blocks.length, runs)
    blocks.push(block)
    left -= block.length
    at = block.pagesOffset + block.length
  }
  const state = await readTail(source, start, blocks, at, fileLength)
  return {
    path: file.path,
    format: 'sparse',
    description,
    digest,
    pages: new SparsePageStore(file, blocks, runs, check),
    deviceState: () => Promise.resolve(state),
    mappedRam: { fd: file.fd, offset: bodyOffset, direct: file.direct },
    [Symbol.asyncDispose]: () => file.close(),
  }
}

/** The sources of the structure. */
type Source = Pick<DirectFile, 'path' | 'read'>

/** Reads whole chunks and checks them. */
class CheckedReader implements Source {
  readonly path: string
  readonly #window: FileWindow

  constructor(file: DirectFile, check: WindowCheck) {
    this.path = file.path
    this.#window = new FileWindow(file, check)
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    await this.#window.show(offset, offset + buffer.length)
    const bytes = this.#window.bytes(offset, offset + buffer.length)
    buffer.set(bytes)
    return bytes.length
  }
}

async function readStart(file: Source, bodyOffset: number): Promise<MappedRamStart> {
  const bytes = Buffer.alloc(MAX_MAPPED_START_LENGTH)
  const found = await file.read(bytes, bodyOffset)
  return parsed(file.path, bodyOffset, () => parseMappedStart(bytes.subarray(0, found)))
}

async function readBlock(
  file: Source,
  at: number,
  fileLength: number,
  left: number,
): Promise<MappedBlock> {
  const bytes = Buffer.alloc(MAX_MAPPED_BLOCK_LENGTH)
  const found = await file.read(bytes, at)
  const block = parsed(file.path, at, () => parseMappedBlock(bytes.subarray(0, found)))
  const { name, length, bitmapOffset, pagesOffset } = block
  if (length === 0 || length % PAGE_SIZE !== 0 || length > Math.min(left, MAX_USED_LENGTH))
    throw damaged(file.path, at, `${name} cannot have ${length} bytes`)
  const bitmapEnd = bitmapOffset + bitmapLength(length)
  if (bitmapOffset < at + block.headerLength || bitmapEnd > pagesOffset)
    throw damaged(file.path, at, `the bitmap of ${name} cannot be at byte ${bitmapOffset}`)
  if (pagesOffset % MAPPED_RAM_ALIGNMENT !== 0 || !Number.isSafeInteger(pagesOffset))
    throw damaged(file.path, at, `the pages of ${name} cannot be at byte ${pagesOffset}`)
  if (pagesOffset + length > fileLength) {
    const what = `${name} ends at byte ${pagesOffset + length}, but the file has ${fileLength} bytes`
    throw imageTruncated(file.path, what, { offset: fileLength })
  }
  return block
}

async function readBitmap(
  file: Source,
  block: MappedBlock,
  position: number,
  runs: PageRuns,
): Promise<void> {
  const { name, length, bitmapOffset } = block
  const bytes = bitmapLength(length)
  const piece = Buffer.alloc(Math.min(BITMAP_PIECE, bytes))
  for (let at = 0; at < bytes; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, bytes - at))
    await file.read(part, bitmapOffset + at)
    if (!runs.appendBitmap(position, part, at * 8, length / PAGE_SIZE))
      throw damaged(file.path, bitmapOffset, `it has pages after the end of ${name}`)
    if (runs.count > MAX_RUNS)
      throw damaged(file.path, bitmapOffset, `the pages of ${name} are in too many pieces`)
  }
}

/** Reads everything after the pages of the last block. */
async function readTail(
  file: Source,
  start: MappedRamStart,
  blocks: readonly MappedBlock[],
  at: number,
  fileLength: number,
): Promise<DeviceState> {
  const length = fileLength - at
  if (length > MAX_TAIL_LENGTH)
    throw damaged(file.path, at, `its device state cannot have ${length} bytes`)
  const tail = Buffer.allocUnsafe(length)
  const found = await file.read(tail, at)
  // An ordinary stream with the same blocks, which the parser understands.
  const front = parsed(file.path, at, () => incomingHead(start, blocks))
  const nothing = (): void => undefined
  const parser = new MainStreamParser({ blocks: nothing, zeroPages: nothing, page: nothing })
  return parsed(file.path, at, () => {
    parser.feed(front.subarray(0, -PART_END_LENGTH))
    parser.feed(tail.subarray(0, found))
    return parser.finish()
  })
}

function parsed<T>(path: string, at: number, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw cause instanceof WireError ? imageWireFault(path, cause, { offset: at }) : cause
  }
}

function damaged(path: string, offset: number, what: string): ImageError {
  return imageDamaged(path, what, { offset })
}
