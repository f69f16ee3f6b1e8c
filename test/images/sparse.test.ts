import assert from 'node:assert/strict'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { openImage } from '../../src/image/open-image.ts'
import { SparseMachineWriter } from '../../src/transfer/convert/sparse-writer.ts'
import {
  type MappedRamStart,
  bitmapLength,
  parseMappedBlock,
  parseMappedStart,
} from '../../src/wire/mapped-ram.ts'
import { PAGE_SIZE } from '../../src/wire/page-size.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const MIB = 1024 * 1024
const HEAD = Buffer.from([0x51, 0x45, 0x56, 0x4d, 0, 0, 0, 3, 7, 0, 0, 0, 2, 0x70, 0x63])

let dir: TempDir
let path: string
let image: Buffer
let start: MappedRamStart
/** Where the first block's name, length and mapped-ram header are. */
let blockAt: number
let usedLengthAt: number
let bitmapOffsetAt: number
let pagesOffsetAt: number
let bitmapOffset: number
let pagesOffset: number

before(async () => {
  dir = await tempDir()
  path = dir.join('image')
  await using sink = await SparseMachineWriter.create(path, {
    description: { xml: '<domain/>', cookie: undefined, wasRunning: true },
    uuid: '',
    channels: 1,
    codec: 'none',
    compressionLevel: 'adaptive',
    direct: false,
  })
  await sink.begin({
    head: HEAD,
    ramSection: 2,
    blocks: [
      { name: 'pc.ram', length: 4 * MIB },
      { name: 'rom', length: 2 * PAGE_SIZE },
    ],
  })
  await sink.add(0, 3, Buffer.alloc(5 * PAGE_SIZE, 1))
  await sink.add(0, 4 * 256 - 1, Buffer.alloc(PAGE_SIZE, 2))
  await sink.add(1, 0, Buffer.alloc(PAGE_SIZE, 3))
  const sections = Buffer.alloc(1000, 1)
  await sink.publish({ head: HEAD, ramSection: 2, sections, tail: Buffer.from([0]) })
  image = await readFile(path)
  const body = 92 + image.readUInt32LE(20)
  start = parseMappedStart(image.subarray(body, body + 1000))
  blockAt = body + start.length
  const block = parseMappedBlock(image.subarray(blockAt, blockAt + 300))
  usedLengthAt = blockAt + 1 + 6
  bitmapOffsetAt = usedLengthAt + 8 + 12
  pagesOffsetAt = bitmapOffsetAt + 8
  bitmapOffset = block.bitmapOffset
  pagesOffset = block.pagesOffset
})
after(() => dir[Symbol.asyncDispose]())

/** Opens a copy with 64 bits (big-endian) written somewhere. */
async function openWith(at: number, value: bigint): Promise<void> {
  const bytes = Buffer.from(image)
  bytes.writeBigUInt64BE(value, at)
  await openBytes(bytes)
}

async function openBytes(bytes: Buffer): Promise<void> {
  const changed = dir.join('changed')
  await writeFile(changed, bytes)
  await using _ = await openImage(changed, { direct: false })
}

describe('openImage() of a sparse image', () => {
  test('finds every stored page, and the device state', async () => {
    await using machine = await openImage(path, { direct: false })
    const { pages } = machine
    const ranges = Array.from({ length: pages?.frameCount ?? 0 }, (_, at) => pages?.range(at))
    assert.deepEqual(ranges, [
      { block: 0, firstPage: 3, pageCount: 5 },
      { block: 0, firstPage: 1023, pageCount: 1 },
      { block: 1, firstPage: 0, pageCount: 1 },
    ])
    assert.deepEqual(Buffer.from((await pages?.read(1, 0)) ?? []), Buffer.alloc(PAGE_SIZE, 2))
    assert.deepEqual((await machine.deviceState?.())?.sections.length, 1000)
    const { offset, direct } = machine.mappedRam ?? {}
    assert.deepEqual({ offset, direct }, { offset: blockAt - start.length, direct: false })
  })

  const damages: readonly (readonly [string, () => Promise<void>, code?: string])[] = [
    ['a block of no bytes', () => openWith(usedLengthAt, 0n)],
    ['a block that is no whole number of pages', () => openWith(usedLengthAt, 4097n)],
    ['a block longer than all blocks', () => openWith(usedLengthAt, BigInt(8 * MIB))],
    ['a block of 2^63 bytes', () => openWith(usedLengthAt, 1n << 63n)],
    ['a bitmap inside its header', () => openWith(bitmapOffsetAt, BigInt(blockAt))],
    ['a bitmap at 0', () => openWith(bitmapOffsetAt, 0n)],
    ['a bitmap behind its pages', () => openWith(bitmapOffsetAt, BigInt(pagesOffset))],
    ['a bitmap behind the file', () => openWith(bitmapOffsetAt, BigInt(image.length + MIB))],
    ['a bitmap at 2^64 - 1', () => openWith(bitmapOffsetAt, (1n << 64n) - 1n)],
    ['pages on its description', () => openWith(pagesOffsetAt, 0n)],
    ['pages on its bitmap', () => openWith(pagesOffsetAt, BigInt(bitmapOffset))],
    ['pages off the boundary', () => openWith(pagesOffsetAt, BigInt(pagesOffset + PAGE_SIZE))],
    ['pages at 2^64 - 1 MiB', () => openWith(pagesOffsetAt, (1n << 64n) - (1n << 20n))],
    ['other pages', () => openWith(usedLengthAt + 8 + 4, 65536n), 'IMAGE_UNSUPPORTED'],
    ['no end of its blocks', () => openWith(blockAt - 8, BigInt(64 * MIB + 4))],
    ['a size of all blocks of 2^60', () => openWith(blockAt - 8, (1n << 60n) + 4n)],
    ['blocks of no size', () => openWith(blockAt - 8, 4n)],
  ]
  for (const [what, open, expected] of damages) {
    test(`ends in an error with its path when there is ${what}`, async () => {
      await assert.rejects(open(), (error: Error & { code?: string; path?: string }) => {
        if (expected === undefined) assert.match(error.code ?? '', /^IMAGE_(CORRUPT|TRUNCATED)$/)
        else assert.equal(error.code, expected)
        assert.equal(error.path, dir.join('changed'))
        return true
      })
    })
  }

  test('refuses a page after the end of its block', async () => {
    const bytes = Buffer.from(image)
    const rom = bytes.indexOf(Buffer.from('\x03rom', 'latin1'), pagesOffset)
    bytes.writeUInt8(0b100, Number(bytes.readBigUInt64BE(rom + 1 + 3 + 8 + 12)))
    await assert.rejects(openBytes(bytes), { code: 'IMAGE_CORRUPT' })
  })

  test('refuses two blocks with the same name', async () => {
    const bytes = Buffer.from(image)
    bytes.write('pc.ram', blockAt + 1)
    const rom = bytes.indexOf(Buffer.from('\x03rom', 'latin1'), pagesOffset)
    bytes.write('pc.ram', rom + 1)
    await assert.rejects(openBytes(bytes), { code: 'IMAGE_CORRUPT' })
  })

  test('reports IMAGE_TRUNCATED wherever the file is cut', async () => {
    const body = blockAt - start.length
    const ends = [body + 10, blockAt + 3, bitmapOffset, pagesOffset + PAGE_SIZE, image.length - 1]
    for (const end of ends)
      await assert.rejects(openBytes(image.subarray(0, end)), { code: 'IMAGE_TRUNCATED' }, `${end}`)
  })

  test('needs little memory for a file that consists of holes, whatever it announces', async () => {
    const used = 2 ** 40
    const pagesAt = Math.ceil((bitmapOffset + bitmapLength(used)) / MIB) * MIB
    const bytes = Buffer.from(image.subarray(0, bitmapOffset))
    bytes.writeBigUInt64BE(BigInt(used) + 4n, blockAt - 8)
    bytes.writeBigUInt64BE(BigInt(used), usedLengthAt)
    bytes.writeBigUInt64BE(BigInt(pagesAt), pagesOffsetAt)
    const changed = dir.join('changed')
    await writeFile(changed, bytes)
    await truncate(changed, pagesAt + used + 100)
    const before = process.memoryUsage().arrayBuffers
    await assert.rejects(openImage(changed, { direct: false }), { code: /^IMAGE_/ })
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * MIB)
    await truncate(changed, pagesAt + used + 2 ** 31)
    await assert.rejects(openImage(changed, { direct: false }), { code: 'IMAGE_CORRUPT' })
  })
})
