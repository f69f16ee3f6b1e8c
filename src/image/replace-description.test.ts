import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import { readDescription } from './open-image.ts'
import { NewImage } from './new-image.ts'
import { copyImage } from './replace-description.ts'

const MIB = 1024 * 1024

test('copyImage() keeps every byte after the description, and makes holes of zeros', async () => {
  await using dir = await tempDir()
  const [from, to] = [dir.join('from'), dir.join('to')]
  const description = { xml: '<domain/>', cookie: undefined, wasRunning: true }
  {
    await using image = await NewImage.create(from, { format: 'raw', description, direct: false })
    await image.publish(image.bodyOffset)
  }
  const head = await readFile(from)
  const body = Buffer.alloc(16 * MIB)
  body.write('first', 0)
  body.write('last', body.length - 4)
  await writeFile(from, Buffer.concat([head, body]))
  await copyImage(from, to, { ...description, xml: '<domain>x</domain>' })
  assert.equal((await readDescription(to)).xml, '<domain>x</domain>')
  assert.equal((await readDescription(from)).xml, '<domain/>')
  const copy = await readFile(to)
  assert.ok(copy.subarray(head.length).equals(body))
  assert.ok((await stat(to)).blocks * 512 < 2 * MIB, 'zeros take no space')
})
