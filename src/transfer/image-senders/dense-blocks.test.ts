import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageRange, PageStore } from '../../image/saved-machine.ts'
import { denseBlocks } from './dense-blocks.ts'

const GIB = 2 ** 30

/** The dense ones of two blocks of 1 GiB with these frames. */
function denseOf(frames: readonly PageRange[]): readonly number[] {
  const blocks = ['pc.ram', 'ram-node1'].map((name) => ({ name, length: GIB }))
  const frameCount = frames.length
  const range = (at: number): PageRange => frames[at] as PageRange
  return [...denseBlocks({ blocks, frameCount, range } as unknown as PageStore)]
}

/** One frame of `pageCount` pages in each 2 MiB of the first 512 MiB. */
const inEachChunk = (block: number, pageCount: number): readonly PageRange[] =>
  Array.from({ length: 256 }, (_, chunk) => ({ block, firstPage: chunk * 512, pageCount }))

test('denseBlocks() finds the blocks whose pages fill the huge pages that they touch', () => {
  assert.deepEqual(denseOf([...inEachChunk(0, 512), ...inEachChunk(1, 1)]), [0])
  assert.deepEqual(denseOf([...inEachChunk(0, 511), ...inEachChunk(1, 480)]), [0])
})

test('denseBlocks() counts a frame that spans huge pages in each of them', () => {
  const spanning = [{ block: 1, firstPage: 511, pageCount: 514 }]
  assert.deepEqual(denseOf([...inEachChunk(0, 512), ...spanning]), [0])
})
