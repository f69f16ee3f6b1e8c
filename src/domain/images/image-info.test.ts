import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { buildStasisImage } from '../../../test/support/stasis-image.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { smallXml } from '../../../test/support/test-store.ts'
import { NewImage } from '../../image/new-image.ts'
import { inspectImage } from './image-info.ts'

test('inspectImage() reports the memory of a stasis image from its index', async () => {
  await using dir = await tempDir()
  const path = dir.join('a.save')
  await writeFile(path, buildStasisImage({ xml: smallXml({ name: 'web' }) }).bytes)
  const info = await inspectImage(path)
  assert.equal(info.format, 'stasis')
  assert.equal(info.complete, true)
  assert.equal(info.verified, false)
  assert.equal(info.channels, 2)
  assert.deepEqual(info.domain, {
    name: 'web',
    uuid: '11111111-2222-4333-8444-555555555555',
    arch: 'x86_64',
  })
  assert.equal(info.compression, 'zstd')
  assert.deepEqual(info.memory?.blocks, [
    { name: 'pc.ram', bytes: 64 * 4096, dataBytes: 13 * 4096, zeroBytes: 51 * 4096 },
    { name: 'rom', bytes: 2 * 4096, dataBytes: 2 * 4096, zeroBytes: 0 },
  ])
  assert.equal(info.memory.bytes, 66 * 4096)
  assert.equal(info.memory.ratio, info.memory.dataBytes / info.memory.storedBytes)
})

test('inspectImage() finds a damaged frame only with verify', async () => {
  await using dir = await tempDir()
  const path = dir.join('a.save')
  const { bytes, frames } = buildStasisImage({ xml: smallXml({ name: 'web' }) })
  const at = frames[0]?.offset ?? 0
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
  await inspectImage(path)
  await assert.rejects(inspectImage(path, { verify: true }), { code: 'IMAGE_CORRUPT', path })
})

test('inspectImage() reports the little that is known of an incomplete image', async () => {
  await using dir = await tempDir()
  const description = { xml: '<domain/>', cookie: undefined, wasRunning: true }
  await using image = await NewImage.create(dir.join('a.save'), {
    format: 'raw',
    description,
    direct: false,
  })
  const info = await inspectImage(image.file.path)
  assert.equal(info.complete, false)
  assert.equal(info.format, 'raw')
  assert.equal(info.memory, undefined)
})
