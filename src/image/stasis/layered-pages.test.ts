import assert from 'node:assert/strict'
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { buildStasisImage, testPages } from '../../../test/support/stasis-image.ts'
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts'
import { openImage } from '../open-image.ts'
import type { BaseReference } from './base-reference.ts'
import { readBase } from './reader.ts'
import { StasisWriter } from './writer.ts'

const PAGE = 4096
const description = { xml: '<domain/>', cookie: undefined, wasRunning: true }

/** An image of 8 pages, `NAME/memory`. Each page is a letter, `=` for that of the base, or `.` for zero. */
async function write(
  dir: TempDir,
  name: string,
  pages: string,
  base?: BaseReference,
): Promise<BaseReference> {
  await mkdir(dir.join(name), { recursive: true })
  const options = { description, channels: 0, codec: 'zstd', direct: false, base } as const
  await using writer = await StasisWriter.create(pathOf(dir, name), options)
  writer.setBlocks([{ name: 'ram', length: pages.length * PAGE }])
  for (const [firstPage, letter] of Array.from(pages).entries()) {
    const range = { block: 0, firstPage, pageCount: 1 }
    if (letter === '.') continue
    if (letter < 'a') writer.addInBase(range, Buffer.alloc(PAGE, letter.toLowerCase()))
    else await writer.add({ ...range, codec: 'none' }, Buffer.alloc(PAGE, letter))
  }
  const bytes = Buffer.from('devices')
  const { imageId } = writer
  await writer.publish({
    head: Buffer.from('stream head'),
    ramSection: 1,
    sections: bytes,
    tail: Buffer.alloc(1),
  })
  return { name, imageId }
}

function pathOf(dir: TempDir, name: string): string {
  return dir.join(name, 'memory')
}

/** The letters of the pages, as they are read. */
async function read(path: string, groupPages = 3): Promise<string> {
  await using machine = await openImage(path, { direct: false })
  const { pages } = machine
  assert.ok(pages)
  const letters = Array.from({ length: (pages.blocks[0]?.length ?? 0) / PAGE }, () => '.')
  for (const group of pages.groups(PAGE * groupPages)) {
    await pages.prefetch(group, 0)
    const targets = [...group].map((frame) =>
      pages.read(frame, 0, Buffer.alloc(pages.range(frame).pageCount * PAGE)),
    )
    for (const [position, bytes] of (await Promise.all(targets)).entries()) {
      const { firstPage } = pages.range(group[position] as number)
      for (let at = 0; at < bytes.length; at += PAGE)
        letters[firstPage + at / PAGE] = String.fromCodePoint(bytes[at] ?? 0)
    }
  }
  return letters.join('')
}

test('an image is read through its base, and the base of that', async () => {
  await using dir = await tempDir()
  const one = await write(dir, 'one', 'abcdefg.')
  // A capital letter: the page of the base is that letter.
  const two = await write(dir, 'two', 'AxC..FGy', one)
  await write(dir, 'three', '.Xzk.FGY', two)
  assert.equal(await read(pathOf(dir, 'two')), 'axc..fgy')
  assert.equal(await read(pathOf(dir, 'three')), '.xzk.fgy')
  assert.deepEqual(await readBase(pathOf(dir, 'three')), two)
  assert.equal(await readBase(pathOf(dir, 'one')), undefined)
  await using machine = await openImage(pathOf(dir, 'three'))
  assert.deepEqual(machine.bases, ['two', 'one'])
  assert.equal(machine.pages?.checked, undefined, 'no thread takes this file for all pages')
})

test('pages of one frame of the base may come in several groups', async () => {
  await using dir = await tempDir()
  await mkdir(dir.join('one'))
  const options = { description, channels: 0, codec: 'zstd', direct: false } as const
  const page = (letter: string): Buffer => Buffer.alloc(PAGE, letter)
  const state = {
    head: Buffer.from('stream head'),
    ramSection: 1,
    sections: page('s'),
    tail: page('t'),
  }
  await using one = await StasisWriter.create(pathOf(dir, 'one'), options)
  one.setBlocks([{ name: 'ram', length: 4 * PAGE }])
  // The last page is first in the file.
  await one.add({ block: 0, firstPage: 3, pageCount: 1, codec: 'none' }, page('d'))
  const three = Buffer.concat([page('a'), page('b'), page('c')])
  await one.add({ block: 0, firstPage: 0, pageCount: 3, codec: 'none' }, three)
  await one.publish(state)
  await mkdir(dir.join('two'))
  const base = { name: 'one', imageId: one.imageId }
  await using two = await StasisWriter.create(pathOf(dir, 'two'), { ...options, base })
  two.setBlocks([{ name: 'ram', length: 4 * PAGE }])
  two.addInBase({ block: 0, firstPage: 0, pageCount: 2 }, three.subarray(0, 2 * PAGE))
  two.addInBase({ block: 0, firstPage: 2, pageCount: 1 }, page('c'))
  two.addInBase({ block: 0, firstPage: 3, pageCount: 1 }, page('d'))
  await two.publish(state)
  assert.equal(await read(pathOf(dir, 'two'), 2), 'abcd')
})

test('an image without its base is refused, and so is another image in its place', async () => {
  await using dir = await tempDir()
  const one = await write(dir, 'one', 'abcd')
  await write(dir, 'two', 'ABCx', one)
  const two = pathOf(dir, 'two')
  const missing = { code: 'IMAGE_BASE_MISSING', path: two }
  await rename(dir.join('one'), dir.join('away'))
  await assert.rejects(read(two), missing)
  await symlink('away', dir.join('one'))
  await assert.rejects(read(two), missing, 'a symbolic link is not followed')
  await rm(dir.join('one'))
  await mkdir(dir.join('one'))
  await symlink('../away/memory', pathOf(dir, 'one'))
  await assert.rejects(read(two), missing, 'a symbolic link is not followed')
  await rm(pathOf(dir, 'one'))
  await write(dir, 'one', 'abcd')
  await assert.rejects(read(two), missing, 'another image of the same pages')
  await writeFile(pathOf(dir, 'one'), 'text')
  await assert.rejects(read(two), missing)
})

test('a base that does not have the pages is refused, and damage names the file that has it', async () => {
  await using dir = await tempDir()
  const one = await write(dir, 'one', 'abcd')
  await write(dir, 'longer', 'ABCDe', one)
  await assert.rejects(read(pathOf(dir, 'longer')), { code: 'IMAGE_BASE_MISSING' })
  const holes = await write(dir, 'holes', 'a.cd')
  await write(dir, 'two', 'ABCD', holes)
  await assert.rejects(read(pathOf(dir, 'two')), { code: 'IMAGE_BASE_MISSING' })
  await write(dir, 'other', 'AXCD', one)
  await assert.rejects(read(pathOf(dir, 'other')), {
    code: 'IMAGE_CORRUPT',
    path: pathOf(dir, 'one'),
  })
  await write(dir, 'right', 'ABCD', one)
  const bytes = await readFile(pathOf(dir, 'one'))
  bytes.write('wrong', bytes.indexOf('cccccccc') + 100)
  await writeFile(pathOf(dir, 'one'), bytes)
  await assert.rejects(read(pathOf(dir, 'right')), {
    code: 'IMAGE_CORRUPT',
    path: pathOf(dir, 'one'),
  })
})

test('a base is never a path, hidden, or the image itself', async () => {
  await using dir = await tempDir()
  const { imageId } = await write(dir, 'one', 'abcd')
  for (const name of ['..', '../one', 'a/../one', '/one', '.one', '', 'one/'])
    await assert.rejects(
      write(dir, 'two', 'ABCD', { name, imageId }).then(() => read(pathOf(dir, 'two'))),
      { code: 'IMAGE_CORRUPT' },
      name,
    )
  // Images with one id: each is the base of the other.
  const id = '7'.repeat(32)
  for (const [name, base] of [
    ['self', 'self'],
    ['left', 'right'],
    ['right', 'left'],
  ] as const) {
    const path = pathOf(dir, name)
    await mkdir(dirname(path))
    await writeFile(path, buildStasisImage({ id, base: { name: base, imageId: id } }).bytes)
  }
  for (const name of ['self', 'left'])
    await assert.rejects(openImage(pathOf(dir, name)), { code: 'IMAGE_BASE_MISSING' })
})

test('frames of a base are refused in an image without one', async () => {
  await using dir = await tempDir()
  const base = { name: 'one', imageId: '7'.repeat(32) }
  const { bytes, indexOffset } = buildStasisImage({ base })
  await mkdir(dir.join('one'))
  await writeFile(join(dir.path, 'one', 'image'), buildStasisImage({ id: base.imageId }).bytes)
  await mkdir(dir.join('two'))
  await writeFile(join(dir.path, 'two', 'image'), bytes)
  await using machine = await openImage(join(dir.path, 'two', 'image'), { direct: false })
  assert.deepEqual(Buffer.from((await machine.pages?.read(0, 0)) ?? []), testPages(0, 8))
  bytes.writeUInt32LE(3, indexOffset + 8)
  await writeFile(join(dir.path, 'two', 'image'), bytes)
  await assert.rejects(openImage(join(dir.path, 'two', 'image')), { code: 'IMAGE_CORRUPT' })
})
