import assert from 'node:assert/strict'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { newHead } from '../../wire/stream-head.ts'
import { openImage } from '../open-image.ts'
import { StasisWriter } from './writer.ts'

const PAGE = 4096

test('share() gives an image the pages of another file, whether or not the file system shares blocks', async () => {
  await using dir = await tempDir()
  const pages = Buffer.alloc(64 * PAGE, 'content ')
  writeFileSync(dir.join('memory'), Buffer.concat([Buffer.alloc(16 * PAGE), pages]))
  const fd = openSync(dir.join('memory'), 'r')
  const path = dir.join('image')
  {
    const description = { xml: '<domain/>', cookie: undefined, wasRunning: true }
    await using writer = await StasisWriter.create(path, {
      ...{ description, channels: 0, codec: 'none', direct: false },
    })
    writer.setBlocks([{ name: 'ram', length: 256 * PAGE }])
    const frame = { block: 0, firstPage: 8, pageCount: 64, codec: 'none' } as const
    const source = { fd, offset: 16 * PAGE }
    if (writer.share(0, 8, pages.length, source)) writer.addShared(frame, pages)
    else await writer.add(frame, pages)
    assert.equal(writer.share(0, 200, PAGE, source), false, 'it is too short')
    await writer.add({ ...frame, firstPage: 200, pageCount: 1 }, pages.subarray(0, PAGE))
    const bytes = Buffer.from('devices')
    const head = newHead('pc-q35-10.0')
    await writer.publish({ head, ramSection: 1, sections: bytes, tail: Buffer.alloc(1) })
  }
  closeSync(fd)
  await using image = await openImage(path, { direct: false })
  assert.equal(image.pages?.frameCount, 2)
  assert.deepEqual(Buffer.from(await image.pages.read(0, 0)), pages)
  assert.deepEqual(Buffer.from(await image.pages.read(1, 0)), pages.subarray(0, PAGE))
})
