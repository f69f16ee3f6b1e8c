import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import {
  type StasisImageChanges,
  TEST_HEAD,
  TEST_SECTIONS,
  TEST_TAIL,
  buildStasisImage,
  testPages,
} from '../../../test/support/stasis-image.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { ImageError } from '../../errors.ts'
import { openImage } from '../open-image.ts'
import type { SavedMachine } from '../saved-machine.ts'

/** Opens an image and reads all of it. */
async function readAll(path: string, direct = true): Promise<void> {
  await using machine = await openImage(path, { direct })
  const { pages, deviceState } = machine
  assert.ok(pages !== undefined && deviceState !== undefined)
  await deviceState()
  for (let frame = 0; frame < pages.frameCount; frame += 1) await pages.read(frame, 0)
}

async function withImage<T>(bytes: Uint8Array, act: (path: string) => Promise<T>): Promise<T> {
  await using dir = await tempDir()
  const path = dir.join('image')
  await writeFile(path, bytes)
  return await act(path)
}

async function pagesOf(machine: SavedMachine): Promise<Map<string, Buffer>> {
  const { pages } = machine
  assert.ok(pages)
  const found = new Map<string, Buffer>()
  let reader = 0
  for (const group of pages.groups(8192)) {
    await pages.prefetch(group, reader)
    for (const frame of group) {
      const { block, firstPage } = pages.range(frame)
      found.set(
        `${pages.blocks[block]?.name} ${firstPage}`,
        Buffer.from(await pages.read(frame, reader)),
      )
    }
    reader += 1
  }
  return found
}

for (const direct of [true, false]) {
  test(`openStasis() returns description, pages and devices when direct is ${direct}`, async () => {
    await withImage(buildStasisImage().bytes, async (path) => {
      await using machine = await openImage(path, { direct })
      assert.equal(machine.format, 'stasis')
      const { id: _, ...description } = machine.description
      assert.deepEqual(description, {
        xml: '<domain type="kvm"/>',
        cookie: '<cookie/>',
        wasRunning: true,
      })
      assert.deepEqual(machine.pages?.blocks, [
        { name: 'pc.ram', length: 64 * 4096, linearOffset: undefined },
        { name: 'rom', length: 2 * 4096, linearOffset: undefined },
      ])
      assert.deepEqual(
        await pagesOf(machine),
        new Map([
          ['pc.ram 0', testPages(0, 8)],
          ['rom 0', testPages(1000, 2)],
          ['pc.ram 63', testPages(63, 1)],
          ['pc.ram 16', testPages(16, 4)],
        ]),
      )
      const state = await machine.deviceState?.()
      assert.deepEqual(Buffer.from(state?.head ?? []), TEST_HEAD)
      assert.deepEqual(Buffer.from(state?.sections ?? []), TEST_SECTIONS)
      assert.deepEqual(Buffer.from(state?.tail ?? []), TEST_TAIL)
      assert.equal(state?.ramSection, 2)
    })
  })
}

test('groups() divides the frames into groups when they span more than the length', async () => {
  await withImage(buildStasisImage().bytes, async (path) => {
    await using machine = await openImage(path, { direct: true })
    const cut = (length: number): number[][] =>
      [...(machine.pages?.groups(length) ?? [])].map((group) => [...group])
    // Index order is pc.ram 0, 16, 63, rom 0; file order is pc.ram 0, rom 0, pc.ram 63, 16.
    assert.deepEqual(cut(1), [[0], [3], [2], [1]])
    assert.deepEqual(cut(4096), [[0, 3], [2], [1]])
    assert.deepEqual(cut(1024 * 1024), [[0, 3, 2, 1]])
  })
})

test('openStasis() refuses a file truncated at any boundary', async () => {
  const image = buildStasisImage()
  const ends = [
    15,
    16,
    91,
    92,
    93,
    image.bodyOffset - 1,
    image.bodyOffset,
    image.bodyOffset + 1,
    ...image.frames.flatMap(({ offset, storedLength }) => [offset, offset + storedLength]),
    image.headOffset,
    image.deviceOffset,
    image.indexOffset,
    image.indexOffset + 64,
    image.footerOffset,
    image.footerOffset + 63,
  ]
  for (const end of ends) {
    await withImage(image.bytes.subarray(0, end), (path) =>
      assert.rejects(readAll(path), (error) => {
        assert.ok(error instanceof ImageError)
        assert.equal(error.code, end < 16 ? 'NOT_AN_IMAGE' : 'IMAGE_TRUNCATED', `cut at ${end}`)
        assert.equal(error.path, path)
        return true
      }),
    )
  }
})

test('openStasis() refuses a truncated file whose header was adjusted to it', async () => {
  const image = buildStasisImage()
  for (const fileLength of [
    image.bodyOffset + 1,
    image.indexOffset,
    image.footerOffset,
    image.footerOffset + 63,
  ]) {
    await withImage(buildStasisImage({ fileLength }).bytes, (path) =>
      assert.rejects(readAll(path), { code: 'IMAGE_CORRUPT' }),
    )
  }
})

test('openStasis() refuses when something was appended', async () => {
  await withImage(Buffer.concat([buildStasisImage().bytes, Buffer.alloc(1)]), (path) =>
    assert.rejects(readAll(path), { code: 'IMAGE_CORRUPT', message: /1 more than were written/ }),
  )
})

test('openStasis() or read() refuses when one bit is flipped', async () => {
  const { bytes, ...image } = buildStasisImage()
  const range = (start: number, end: number, step = 1): number[] =>
    Array.from({ length: Math.ceil((end - start) / step) }, (_, index) => start + index * step)
  const places = [
    ...range(0, 92),
    ...range(92, 160),
    ...range(200, image.bodyOffset, 7919),
    ...image.frames.flatMap(({ offset, storedLength }) => range(offset, offset + storedLength, 37)),
    ...range(image.headOffset, image.headOffset + TEST_HEAD.length),
    ...range(image.deviceOffset, image.deviceOffset + TEST_SECTIONS.length + TEST_TAIL.length),
    ...range(image.indexOffset, image.indexOffset + 64),
    ...range(image.indexOffset + 64, image.footerOffset, 11),
    ...range(image.footerOffset, bytes.length),
  ]
  await using dir = await tempDir()
  const path = dir.join('image')
  for (const place of places) {
    const damaged = Buffer.from(bytes)
    damaged[place]! ^= 1 << (place & 7)
    await writeFile(path, damaged)
    await assert.rejects(readAll(path), ImageError, `bit flipped in byte ${place}`)
  }
})

test('read() reports frame, block, pages and offset when a frame is damaged', async () => {
  const image = buildStasisImage()
  const frame = image.frames[3]!
  image.bytes[frame.offset + 5]! ^= 1
  await withImage(image.bytes, (path) =>
    assert.rejects(readAll(path), (error) => {
      assert.ok(error instanceof ImageError)
      assert.equal(error.code, 'IMAGE_CORRUPT')
      assert.equal(error.offset, frame.offset)
      assert.match(
        error.message,
        /frame 1 \(pages 16 to 19 of pc\.ram\) does not match its checksum/,
      )
      return true
    }),
  )
})

for (const [what, stored, message] of [
  ['are no zstd', Buffer.alloc(100, 'not zstd'), /cannot be decompressed/],
  ['are fewer', zstdCompressSync(testPages(0, 7)), /decompresses to 28672 bytes, which is not/],
  ['are more', zstdCompressSync(testPages(0, 9)), /cannot be decompressed/],
  ['go on for gigabytes', zstdCompressSync(Buffer.alloc(1 << 28)), /cannot be decompressed/],
] as const) {
  test(`read() refuses when the pages of a frame ${what}`, async () => {
    await withImage(buildStasisImage({ stored }).bytes, (path) =>
      assert.rejects(readAll(path), { code: 'IMAGE_CORRUPT', message }),
    )
  })
}

const crafted: readonly [string, StasisImageChanges, RegExp][] = [
  [
    'the head is not aligned',
    { head: { offset: 200_001 } },
    /stream head cannot be at byte 200001/,
  ],
  ['the head lies in the description', { head: { offset: 4096 } }, /stream head cannot be at/],
  ['the devices reach into the index', { device: { length: 4097 } }, /device state cannot be at/],
  ['the devices lie beyond', { device: { offset: 2 ** 52 } }, /device state cannot be at/],
  ['a block is no whole number of pages', { block: { length: 5000 } }, /pc.ram cannot have 5000/],
  ['a block is immense', { block: { length: 2 ** 60 } }, /pc.ram cannot have/],
  ['a linear block is not aligned', { block: { linearOffset: 131072 } }, /pc.ram cannot be at/],
  ['a linear block lies beyond', { block: { linearOffset: 1 << 20 } }, /pc.ram cannot be at/],
  ['a frame is of no block', { frame: { block: 2 } }, /frame 3 belongs to block 2/],
  ['a frame is outside its block', { frame: { firstPage: 57 } }, /frame \d is outside pc.ram/],
  ['a frame is far outside its block', { frame: { firstPage: 0xffff_ffff } }, /is outside pc/],
  ['a frame has no pages', { frame: { pageCount: 0 } }, /frame 0 cannot have 0 pages/],
  ['a frame has too many pages', { frame: { pageCount: 1025 } }, /frame 0 cannot have 1025 pages/],
  ['frames overlap', { frame: { pageCount: 17 } }, /frame 1 covers pages of the one before/],
  [
    'frames are the same',
    { frame: { firstPage: 16, pageCount: 1 } },
    /covers pages of the one before/,
  ],
  ['a frame stores nothing', { frame: { storedLength: 0 } }, /frame 0 cannot have 0 stored/],
  ['a frame stores too much', { frame: { storedLength: 32768 } }, /frame 0 cannot have 32768/],
  ['a raw frame stores less', { frame: { codec: 'none', storedLength: 4096 } }, /cannot have 4096/],
  ['a frame is not aligned', { frame: { offset: 131076 } }, /frame 0 is not aligned/],
  ['a frame lies in the header', { frame: { offset: 8 } }, /frame 0 cannot be at byte 8/],
  ['a frame lies in the devices', { frame: { offset: 147456 } }, /frame 0 cannot be at/],
  ['a frame lies beyond', { frame: { offset: 2 ** 40 } }, /frame 0 cannot be at/],
  ['the index lies elsewhere', { footer: { indexOffset: 4096 } }, /index cannot be at byte/],
  ['the index is longer', { footer: { indexLength: 2 ** 40 } }, /index cannot be at byte/],
  ['the index begins later', { footer: { indexOffset: 2 ** 53 } }, /index cannot be at byte/],
]

for (const [what, changes, message] of crafted) {
  test(`openStasis() refuses an index with right checksums when ${what}`, async () => {
    await withImage(buildStasisImage(changes).bytes, (path) =>
      assert.rejects(openImage(path, { direct: true }), { code: 'IMAGE_CORRUPT', message }),
    )
  })
}

test('openStasis() throws at once when the signal is aborted', async () => {
  await withImage(buildStasisImage().bytes, (path) =>
    assert.rejects(openImage(path, { direct: true, signal: AbortSignal.abort() }), {
      code: 'CANCELLED',
    }),
  )
})
