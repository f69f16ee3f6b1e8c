import { crc32c } from '../../io/crc32c.ts'
import { type ImageError, InternalError } from '../../errors.ts'
import { allocateAligned } from '../../io/memory/aligned-memory.ts'
import { CODECS } from '../../io/codecs/codec-table.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { imageDamaged, imageTruncated } from '../image-fault.ts'
import type { FramePlace, PageRange, PageStore, RamBlock, StoredFrames } from '../saved-machine.ts'
import { FileWindow } from './file-window.ts'
import { fileGroups } from './file-groups.ts'
import { type FrameFault, describeFrameFault } from './frame-fault.ts'
import type { FrameTable } from './frame-table.ts'
import type { StasisIndex } from './layout.ts'

const MAX_READERS = 64

/** Longest frame that Stasis writes. */
const LEAST_TARGET = 1024 * 1024

/** The frames of a stasis image whose index was checked. */
export class StasisPageStore implements PageStore {
  readonly blocks: readonly RamBlock[]
  readonly checked: StoredFrames
  readonly stored?: StoredFrames
  readonly #file: DirectFile
  readonly #frames: FrameTable
  readonly #windows: FileWindow[] = []
  readonly #targets: Uint8Array[] = []

  constructor(file: DirectFile, index: StasisIndex) {
    this.#file = file
    this.#frames = index.frames
    this.blocks = index.blocks
    this.checked = {
      fd: file.directFd,
      table: index.frames.table,
      records: (frames) => index.frames.records(frames),
      error: (frame, fault) => this.#error(frame, fault),
    }
    if (isCompressed(index.frames)) this.stored = this.checked
  }

  get fd(): number {
    return this.checked.fd
  }

  get frameCount(): number {
    return this.#frames.count
  }

  range(index: number): PageRange {
    const frames = this.#frames
    return {
      block: frames.block(index),
      firstPage: frames.firstPage(index),
      pageCount: frames.pageCount(index),
    }
  }

  storedLength(index: number): number {
    return this.#frames.storedLength(index)
  }

  place(index: number): FramePlace {
    const frames = this.#frames
    return {
      offset: frames.offset(index),
      storedLength: frames.storedLength(index),
      codec: frames.codec(index) ?? 'none',
    }
  }

  *groups(length: number): Generator<Uint32Array, void, undefined> {
    const all = Uint32Array.from({ length: this.frameCount }, (_, at) => at)
    yield* fileGroups(this.#frames, all, length)
  }

  async prefetch(group: Uint32Array, reader: number): Promise<void> {
    const first = group[0]
    const last = group.at(-1)
    if (first === undefined || last === undefined) return
    await this.#window(reader).show(this.#frames.offset(first), this.#end(last))
  }

  async read(index: number, reader: number, target?: Uint8Array): Promise<Uint8Array> {
    const frames = this.#frames
    const window = this.#window(reader)
    const start = frames.offset(index)
    const end = this.#end(index)
    await window.show(start, end)
    const stored = window.bytes(start, end)
    if (stored.length < end - start) throw this.#error(index, { kind: 'truncated' })
    if (crc32c(stored) !== frames.crc(index)) throw this.#error(index, { kind: 'checksum' })
    const codec = frames.codec(index)
    if (codec === undefined) throw new InternalError('A frame without codec passed the check')
    if (codec === 'none') return stored
    const pages = target ?? this.#target(reader, frames.pageCount(index) * PAGE_SIZE)
    const length = await CODECS[codec].decompress(stored, pages).catch((error: unknown) => {
      throw this.#error(index, { kind: 'codec', reason: (error as Error).message })
    })
    if (length !== pages.length) throw this.#error(index, { kind: 'length', length })
    return pages
  }

  #window(reader: number): FileWindow {
    if (reader < 0 || reader >= MAX_READERS) throw new InternalError(`There is no reader ${reader}`)
    return (this.#windows[reader] ??= new FileWindow(this.#file))
  }

  /** One reader's memory for decompressed pages. */
  #target(reader: number, length: number): Uint8Array {
    let target = this.#targets[reader]
    if (target === undefined || target.length < length)
      this.#targets[reader] = target = allocateAligned(Math.max(length, LEAST_TARGET))
    return target.subarray(0, length)
  }

  #end(index: number): number {
    return this.#frames.offset(index) + this.#frames.storedLength(index)
  }

  #error(index: number, fault: FrameFault): ImageError {
    const { block, firstPage, pageCount } = this.range(index)
    const pages = `pages ${firstPage} to ${firstPage + pageCount - 1}`
    const frame = `frame ${index} (${pages} of ${this.blocks[block]?.name})`
    const { path } = this.#file
    const what = `${frame} ${describeFrameFault(fault)}`
    const offset = this.#frames.offset(index)
    return fault.kind === 'truncated'
      ? imageTruncated(path, what, { offset })
      : imageDamaged(path, what, { offset })
  }
}

function isCompressed(frames: FrameTable): boolean {
  for (let index = 0; index < frames.count; index += 1)
    if (frames.codec(index) !== 'none') return true
  return false
}
