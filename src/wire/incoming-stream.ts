import { Buffer } from 'node:buffer'
import type { DeviceState, StreamStart } from './device-state.ts'
import type { AnnouncedBlock } from './main-stream.ts'
import { PAGE_SIZE } from './page-size.ts'
import { RAM_FLAG, SECTION } from './stream-constants.ts'
import { withoutCapability } from './stream-head.ts'

/**
 * Builds the stream that a new QEMU loads (`-incoming`), in pieces: head, any number of page pieces, end of RAM, devices. The transport may split the
 * pieces anywhere. Sources: migration/savevm.c `qemu_loadvm_state`, migration/ram.c `ram_load_precopy`, checked with 7.2 and 10.0.
 */

const RAM_VERSION = 4

/**
 * Everything up to the end of the first RAM section, which announces the blocks.
 * @throws WireError when the saved configuration needs something that this cannot build
 */
export function incomingHead(saved: StreamStart, blocks: readonly AnnouncedBlock[]): Uint8Array {
  return Buffer.concat([
    withoutCapability(saved.head, 'mapped-ram'),
    ramStart(saved.ramSection, blocks),
  ])
}

/**
 * The first RAM section, which announces the blocks. `hostPageSizes` has an entry for each block of a postcopy migration whose memory is in huge
 * pages (migration/ram.c `ram_save_setup` sends the size only where it differs from the target's page size).
 */
export function ramStart(
  ramSection: number,
  blocks: readonly AnnouncedBlock[],
  hostPageSizes: ReadonlyMap<string, number> = new Map(),
): Uint8Array {
  const total = blocks.reduce((sum, block) => sum + block.length, 0)
  const start = Buffer.alloc(5)
  start.writeUInt8(SECTION.START, 0)
  start.writeUInt32BE(ramSection, 1)
  const instanceAndVersion = Buffer.alloc(8)
  instanceAndVersion.writeUInt32BE(RAM_VERSION, 4)
  return Buffer.concat([
    start,
    string('ram'),
    instanceAndVersion,
    word(total, RAM_FLAG.MEM_SIZE),
    ...blocks.flatMap(({ name, length }) => {
      const hostPageSize = hostPageSizes.get(name) ?? PAGE_SIZE
      const size = hostPageSize === PAGE_SIZE ? [] : [word(hostPageSize, 0)]
      return [string(name), word(length, 0), ...size]
    }),
    endOfPart(ramSection),
  ])
}

/** Length of the result of `ramPages`. */
export function ramPagesLength(block: string, count: number): number {
  const name = 1 + Buffer.byteLength(block)
  return PART_START_LENGTH + name + count * (8 + PAGE_SIZE) + PART_END_LENGTH
}

/**
 * A part of the RAM section with consecutive pages of one block, beginning with `firstPage`. The result begins at the start of `memory` if that is
 * given; `memory` must hold at least `ramPagesLength`.
 */
export function ramPages(
  ramSection: number,
  block: string,
  firstPage: number,
  pages: Uint8Array,
  memory?: Buffer,
): Uint8Array {
  const name = string(block)
  const count = pages.length / PAGE_SIZE
  const length = ramPagesLength(block, count)
  const bytes = memory?.subarray(0, length) ?? Buffer.allocUnsafe(length)
  let at = writePartStart(bytes, ramSection, SECTION.PART)
  for (let page = 0; page < count; page += 1) {
    at = writeRecordHead(
      bytes,
      at,
      (firstPage + page) * PAGE_SIZE,
      RAM_FLAG.PAGE,
      page === 0 && name,
    )
    bytes.set(pages.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE), at)
    at += PAGE_SIZE
  }
  endOfPart(ramSection).copy(bytes, at)
  return bytes
}

/** A part of the RAM section that marks pages of one block as zero. */
export function ramZeros(
  ramSection: number,
  block: string,
  firstPage: number,
  count: number,
): Uint8Array {
  const name = string(block)
  const bytes = Buffer.alloc(PART_START_LENGTH + name.length + count * 9 + PART_END_LENGTH)
  let at = writePartStart(bytes, ramSection, SECTION.PART)
  for (let page = 0; page < count; page += 1) {
    at = writeRecordHead(
      bytes,
      at,
      (firstPage + page) * PAGE_SIZE,
      RAM_FLAG.ZERO,
      page === 0 && name,
    )
    // The byte that fills the page stays 0, as the buffer is zeroed.
    at += 1
  }
  endOfPart(ramSection).copy(bytes, at)
  return bytes
}

/** Writes what is before the content of a page. Only the first record of a part has the name of its block. Returns the offset of the content. */
function writeRecordHead(
  bytes: Buffer,
  at: number,
  address: number,
  kind: number,
  name: Buffer | false,
): number {
  writeWord(bytes, at, address, name === false ? kind | RAM_FLAG.CONTINUE : kind)
  return at + 8 + (name === false ? 0 : name.copy(bytes, at + 8))
}

/** The end of the RAM section; device sections follow. */
export function ramEnd(ramSection: number): Uint8Array {
  const bytes = Buffer.alloc(PART_START_LENGTH + PART_END_LENGTH)
  const at = writePartStart(bytes, ramSection, SECTION.END)
  endOfPart(ramSection).copy(bytes, at)
  return bytes
}

/** Device sections, then the saved stream's own ending, or an end mark when it had none. */
export function incomingDevices(saved: Pick<DeviceState, 'sections' | 'tail'>): Uint8Array {
  const tail = saved.tail.length === 0 ? Uint8Array.of(SECTION.END_OF_STREAM) : saved.tail
  return Buffer.concat([saved.sections, tail])
}

/** Length of what `writePartStart` writes, in bytes. */
export const PART_START_LENGTH = 5
const PART_END_LENGTH = 13

/** Begins a part of the RAM section; returns the offset of its records. */
export function writePartStart(bytes: Buffer, ramSection: number, mark: number): number {
  bytes.writeUInt8(mark, 0)
  return bytes.writeUInt32BE(ramSection, 1)
}

/** The bytes that end a part of the RAM section. */
export function endOfPart(ramSection: number): Buffer {
  const bytes = Buffer.alloc(PART_END_LENGTH)
  writeWord(bytes, 0, 0, RAM_FLAG.EOS)
  bytes.writeUInt8(SECTION.FOOTER, 8)
  bytes.writeUInt32BE(ramSection, 9)
  return bytes
}

function word(value: number, flags: number): Buffer {
  const bytes = Buffer.alloc(8)
  writeWord(bytes, 0, value, flags)
  return bytes
}

/** Writes an address with flags in its low bits, which are zero in a page's address. */
export function writeWord(bytes: Buffer, at: number, value: number, flags: number): void {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at)
  bytes.writeUInt32BE((value % 0x1_0000_0000) + flags, at + 4)
}

/** A name as the stream stores it: its length, then its bytes. */
export function string(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}
