import assert from 'node:assert/strict'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import {
  type StasisImageChanges,
  buildStasisImage,
  testPages,
} from '../../../test/support/stasis-image.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { openImage } from '../../image/open-image.ts'
import { MemoryFile } from '../../io/memory/memory-file.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import type { LoadMemoryOptions } from './load-options.ts'
import { loadMemory } from './load-memory.ts'
import { LoadThreads } from './load-threads.ts'

interface Loaded {
  readonly ram: Buffer
  readonly rom: Buffer
  readonly ramBytes: number
  readonly fileBytes: number
}

type Way = 'loadMemory()' | 'loadMemory() on threads'

async function load(
  way: Way,
  image: Uint8Array,
  options: Partial<LoadMemoryOptions> & { readonly cutAfterOpen?: number } = {},
): Promise<Loaded> {
  await using dir = await tempDir()
  await writeFile(dir.join('image'), image)
  await using machine = await openImage(dir.join('image'), { direct: true })
  if (options.cutAfterOpen !== undefined) await truncate(dir.join('image'), options.cutAfterOpen)
  const { pages } = machine
  assert.ok(pages?.checked)
  using ram = new MemoryFile('ram', 64 * PAGE_SIZE)
  using rom = new MemoryFile('rom', 2 * PAGE_SIZE)
  const files = new Map([ram, rom].entries())
  let [ramBytes, fileBytes] = [0, 0]
  const all = {
    workers: 3,
    onLoaded: (inRam: number, inFile: number) => {
      ramBytes += inRam
      fileBytes += inFile
    },
    ...options,
  }
  await using threads = way === 'loadMemory()' ? undefined : new LoadThreads(3)
  await loadMemory(pages, files, { ...all, threads })
  const read = (file: MemoryFile): Promise<Buffer> => readFile(`/proc/self/fd/${file.fd}`)
  return { ram: await read(ram), rom: await read(rom), ramBytes, fileBytes }
}

for (const way of ['loadMemory()', 'loadMemory() on threads'] as const) {
  test(`${way} puts every page where it belongs and leaves the others zero`, async () => {
    const { bytes, frames } = buildStasisImage()
    const { ram, rom, ramBytes, fileBytes } = await load(way, bytes)
    const expected = Buffer.alloc(64 * PAGE_SIZE)
    for (const [first, count] of [
      [0, 8],
      [16, 4],
      [63, 1],
    ] as const)
      expected.set(testPages(first, count), first * PAGE_SIZE)
    assert.ok(ram.equals(expected))
    assert.ok(rom.equals(testPages(1000, 2)))
    assert.equal(ramBytes, 15 * PAGE_SIZE)
    assert.equal(
      fileBytes,
      frames.reduce((sum, { storedLength }) => sum + storedLength, 0),
    )
  })

  test(`${way} ends when the signal is aborted`, async () => {
    const signal = AbortSignal.abort('enough')
    await assert.rejects(load(way, buildStasisImage().bytes, { signal }), { code: 'CANCELLED' })
  })

  const faults: readonly [string, StasisImageChanges, RegExp][] = [
    [
      'its checksum is wrong',
      { frame: { crc: 1 } },
      /frame 0 \(pages 0 to 7 of pc\.ram\) does not match/,
    ],
    ['it is no zstd', { stored: Buffer.alloc(99, 'no') }, /frame 0 .* cannot be decompressed/],
    [
      'its pages are fewer',
      { stored: zstdCompressSync(testPages(0, 7)) },
      /frame 0 .* decompresses to 28672/,
    ],
    ['its pages are more', { stored: zstdCompressSync(testPages(0, 9)) }, /cannot be decompressed/],
  ]
  for (const [when, changes, message] of faults) {
    test(`${way} names the frame when ${when}`, async () => {
      const { bytes, frames } = buildStasisImage(changes)
      const { offset } = frames[0]!
      await assert.rejects(load(way, bytes), { code: 'IMAGE_CORRUPT', message, offset })
    })
  }

  test(`${way} reports a file that is truncated while it is open`, async () => {
    const { bytes, frames } = buildStasisImage()
    const cutAfterOpen = frames[3]!.offset + 1
    await assert.rejects(load(way, bytes, { cutAfterOpen }), { code: 'IMAGE_TRUNCATED' })
  })
}
