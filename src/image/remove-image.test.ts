import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { open, readdir, rename, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  fillChannelsImage,
  streamBytes,
  writeChannelsImage,
} from '../../test/support/channels-image.ts'
import { faultEnvironment } from '../../test/support/faults/fault-environment.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { lockDirectory } from '../io/files/locks/directory-lock.ts'
import { existingImage } from './channels/existing-image.ts'
import { NewImage } from './new-image.ts'
import { openImage } from './open-image.ts'
import { removeLeftovers } from './remove-image.ts'

test('removeLeftovers() keeps the channels of an image that cannot be read', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  {
    await using filled = await fillChannelsImage(path, streamBytes(3, 8192), [streamBytes(5, 8192)])
    await filled.publish()
  }
  // The writer was killed before it gave the channel its final name.
  const names = await readdir(dir.path)
  const channel = names.find((name) => name !== 'image') ?? ''
  const temporary = `.image.1.${'a'.repeat(32)}.partial`
  await rename(dir.join(channel), dir.join(temporary))

  const module = new URL('./remove-image.ts', import.meta.url).href
  const script = `import { removeLeftovers } from ${JSON.stringify(module)}
await removeLeftovers(${JSON.stringify(path)}, true)`
  const env = { ...process.env, ...faultEnvironment({ fault: `open:EMFILE:1:${path}` }) }
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
  const { stderr, status } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
  assert.match(stderr, /^planned fault: open EMFILE [^\n]*\n$/)
  assert.equal(status, 0)
  assert.deepEqual((await readdir(dir.path)).toSorted(), [temporary, 'image'])

  await using file = await open(path, 'r+')
  await file.write(Buffer.alloc(4096, 0xff), 0, 4096, 65536)
  await removeLeftovers(path, true)
  assert.deepEqual((await readdir(dir.path)).toSorted(), [temporary, 'image'])
})

test('removeLeftovers() waits while another process puts a new image in place', async () => {
  await using dir = await tempDir()
  const [path, next] = [dir.join('image'), dir.join('next')]
  await writeChannelsImage(path, streamBytes(3, 8192), [streamBytes(5, 8192)])
  await writeChannelsImage(next, streamBytes(7, 8192), [
    streamBytes(9, 8192),
    streamBytes(11, 8192),
  ])
  const existing = await existingImage(next)
  const id = existing === 'damaged' ? '' : (existing?.imageId ?? '')
  const lock = await lockDirectory(dir.path)
  // A writer has released its channel files and will rename them; a leftover of another one makes the other process look.
  for (const channel of [1, 2])
    await rename(`${next}.${channel}`, dir.join(`.image.${channel}.${id}.partial`))
  const removing = removeLeftovers(path, true)
  await delay(100)
  await rename(next, path)
  await lock[Symbol.asyncDispose]()
  await removing
  assert.deepEqual((await readdir(dir.path)).toSorted(), ['image', 'image.1', 'image.2'])
  await using image = await openImage(path)
  assert.equal(image.channels?.count, 2)
})

test('removeLeftovers() gives the channels of a complete image their final names', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  const channels = [streamBytes(5, 8192), streamBytes(6, 8192)]
  {
    await using filled = await fillChannelsImage(path, streamBytes(3, 8192), channels)
    await filled.publish()
  }
  const existing = await existingImage(path)
  const id = existing === 'damaged' ? '' : (existing?.imageId ?? '')
  // The writer was killed just after its image was complete; the other file is of an older image.
  await rename(`${path}.2`, dir.join(`.image.2.${id}.partial`))
  await rename(`${path}.1`, dir.join(`.image.1.${id}.partial`))
  await writeFile(`${path}.2`, 'older')
  await removeLeftovers(path, false)
  assert.deepEqual((await readdir(dir.path)).toSorted(), ['image', 'image.1', 'image.2'])
  await using image = await openImage(path)
  assert.equal(image.channels?.count, 2)
})

test('removeImage() fails only while the image still exists', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  const module = new URL('./remove-image.ts', import.meta.url).href
  const script = `import { removeImage } from ${JSON.stringify(module)}
await new Promise(setImmediate)
await removeImage(${JSON.stringify(path)}).catch(() => process.exit(3))`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
  const outcomes = new Set<string>()
  for (const call of ['stat', 'open', 'unlink', 'fsync', 'readdir'])
    for (let nth = 1; nth <= 4; nth += 1) {
      await writeFile(path, 'not an image')
      const fault = `${call}:EIO:${nth}:${dir.path}`
      const env = { ...process.env, ...faultEnvironment({ fault }) }
      const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
      const isThere = (await readdir(dir.path)).includes('image')
      assert.equal(isThere, status === 3, `${fault}: ${status}: ${stderr}`)
      outcomes.add(`${stderr === '' ? 'no fault' : 'fault'}, ${status}`)
    }
  assert.deepEqual([...outcomes].toSorted(), ['fault, 0', 'fault, 3', 'no fault, 0'])
})

test('an image of another format takes the channel files of the image that it replaces with it', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  {
    await using filled = await fillChannelsImage(path, streamBytes(3, 8192), [
      streamBytes(5, 8192),
      streamBytes(6, 8192),
    ])
    await filled.publish()
  }
  await writeFile(`${path}.3`, 'of somebody else')
  const description = { xml: '<domain/>', cookie: undefined, wasRunning: false }
  await using image = await NewImage.create(path, { format: 'raw', description, direct: false })
  const before = await readdir(dir.path)
  assert.ok(before.includes('image.1') && before.includes('image.2'))
  await image.publish(image.bodyOffset)
  assert.deepEqual((await readdir(dir.path)).toSorted(), ['image', 'image.3'])
})
