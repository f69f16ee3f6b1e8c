import { crc32c } from '@node-rs/crc32'
import { deflateSync, zstdCompressSync } from 'node:zlib'
import { buildDescriptionArea } from '../../src/image/description-area.ts'
import { HEADER_LENGTH, serialiseHeader } from '../../src/image/header.ts'
import type { BaseReference } from '../../src/image/stasis/base-reference.ts'
import { serialiseFooter } from '../../src/image/stasis/footer.ts'
import type { FrameCodec } from '../../src/image/stasis/frame-codec.ts'
import { type Frame, FrameTable } from '../../src/image/stasis/frame-table.ts'
import { filePart, serialiseIndex } from '../../src/image/stasis/layout.ts'
import { PAGE_SIZE } from '../../src/wire/page-size.ts'

const COMPRESS: Readonly<Record<FrameCodec, (bytes: Uint8Array) => Uint8Array>> = {
  none: (bytes: Uint8Array) => bytes,
  zlib: (bytes: Uint8Array) => deflateSync(bytes),
  zstd: (bytes: Uint8Array) => zstdCompressSync(bytes),
}

/** Magic, version and configuration section in the test image, and its device state. */
export const TEST_HEAD: Buffer = Buffer.from('QEVM\0\0\0\x03\x07\0\0\0\x04test', 'latin1')
export const TEST_SECTIONS: Buffer = Buffer.from('device sections')
export const TEST_TAIL: Buffer = Buffer.from('\0\x06\0\0\0\x02{}', 'latin1')

/** Page contents that compress, different for each. */
export function testPages(seed: number, count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, page) => Buffer.alloc(PAGE_SIZE, `page ${seed + page}, `)),
  )
}

/** Offsets of the parts of an image, to damage it there. */
export interface StasisImageParts {
  readonly bytes: Buffer
  readonly bodyOffset: number
  readonly headOffset: number
  readonly deviceOffset: number
  readonly indexOffset: number
  readonly footerOffset: number
  readonly frames: readonly Frame[]
}

/** Values that replace the right ones. */
export interface StasisImageChanges {
  readonly xml?: string
  /** Stored bytes of the first frame. */
  readonly stored?: Uint8Array
  readonly frame?: Partial<Frame>
  /** The id in the header. */
  readonly id?: string
  /** Then the first frame is not in the image, but in this one. */
  readonly base?: BaseReference
  readonly block?: Partial<{ length: number; linearOffset: number }>
  readonly head?: Partial<{ offset: number }>
  readonly device?: Partial<{ offset: number; length: number }>
  readonly footer?: Partial<{ indexOffset: number; indexLength: number }>
  /** Length of the whole file. The rest is cut off, and the header has this length. */
  readonly fileLength?: number
}

/**
 * A small `stasis` image with right checksums everywhere: block `pc.ram` of 64 pages, of which 0 to 7, 16 to 19 and 63 have
 * frames (zstd, zlib, uncompressed), and `rom` of 2 pages, both in one zstd frame.
 */
export function buildStasisImage(changes: StasisImageChanges = {}): StasisImageParts {
  const area = buildDescriptionArea({
    xml: changes.xml ?? '<domain type="kvm"/>',
    cookie: '<cookie/>',
  })
  const bodyOffset = HEADER_LENGTH + area.dataLength
  const bytes = Buffer.alloc(bodyOffset + 128 * 1024)
  let at = bodyOffset
  const table = new FrameTable()
  const frames: Frame[] = []
  const add = (block: number, firstPage: number, pageCount: number, codec: FrameCodec): void => {
    const first = frames.length === 0
    const stored =
      (first ? changes.stored : undefined) ??
      COMPRESS[codec](testPages(block * 1000 + firstPage, pageCount))
    at = Math.ceil(at / (codec === 'none' ? PAGE_SIZE : 8)) * (codec === 'none' ? PAGE_SIZE : 8)
    bytes.set(stored, at)
    const frame: Frame = {
      offset: at,
      storedLength: stored.length,
      crc: crc32c(stored),
      firstPage,
      pageCount,
      block,
      codec,
      ...(first ? changes.frame : {}),
    }
    at += stored.length
    frames.push(frame)
    if (first && changes.base !== undefined)
      table.appendInBase(frame, crc32c(testPages(firstPage, pageCount)))
    else table.append(frame)
  }
  add(0, 0, 8, 'zstd')
  // Not in the order of the index, as if two writers wrote at once.
  add(1, 0, 2, 'zstd')
  add(0, 63, 1, 'none')
  add(0, 16, 4, 'zlib')
  const place = (part: Uint8Array): number => {
    at = Math.ceil(at / PAGE_SIZE) * PAGE_SIZE
    bytes.set(part, at)
    at += part.length
    return at - part.length
  }
  const headOffset = place(TEST_HEAD)
  const device = Buffer.concat([TEST_SECTIONS, TEST_TAIL])
  const deviceOffset = place(device)
  const index = serialiseIndex({
    head: { ...filePart(headOffset, TEST_HEAD), ...changes.head },
    device: {
      ...filePart(deviceOffset, device),
      sectionsLength: TEST_SECTIONS.length,
      ...changes.device,
    },
    ramSection: 2,
    blocks: [
      {
        name: 'pc.ram',
        length: 64 * PAGE_SIZE,
        linearOffset: undefined,
        ...changes.block,
      },
      { name: 'rom', length: 2 * PAGE_SIZE, linearOffset: undefined },
    ],
    frames: table,
    base: changes.base,
  })
  const indexOffset = place(index)
  const footerOffset = at
  const footer = serialiseFooter({
    indexOffset,
    indexLength: index.length,
    indexCrc: crc32c(index),
    imageId: new Uint8Array(16).fill(7),
    ...changes.footer,
  })
  bytes.set(footer, at)
  const fileLength = changes.fileLength ?? at + footer.length
  bytes.set(
    serialiseHeader({
      complete: true,
      dataLength: area.dataLength,
      wasRunning: true,
      format: 'stasis',
      cookieOffset: area.cookieOffset,
      ...(changes.id !== undefined && { id: changes.id }),
      extension: { channels: 2, compression: 'zstd', fileLength, areaCrc: crc32c(area.bytes) },
    }),
  )
  bytes.set(area.bytes, HEADER_LENGTH)
  return {
    bytes: bytes.subarray(0, fileLength),
    bodyOffset,
    headOffset,
    deviceOffset,
    indexOffset,
    footerOffset,
    frames,
  }
}
