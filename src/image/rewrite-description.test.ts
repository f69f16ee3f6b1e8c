import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { buildStasisImage } from '../../test/support/stasis-image.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { buildDescriptionArea } from './description-area.ts'
import { type EditWrite, editWrites, finishingWrites } from './edit-writes.ts'
import { HEADER_LENGTH, serialiseHeader } from './header.ts'
import { openImageFile } from './opened-image.ts'
import type { MachineDescription } from './saved-machine.ts'
import { rewriteDescription } from './rewrite-description.ts'

const SECTOR = 512

/** As long as real ones, so that they are torn in many places. */
const oldXml = `<domain type='qemu'>${'<!-- old -->'.repeat(500)}</domain>`
const newXml = `<domain type='kvm'>${'<!-- newer -->'.repeat(600)}</domain>`

function rawImage(cookie: string | undefined): Buffer {
  const { bytes, dataLength, cookieOffset } = buildDescriptionArea({ xml: oldXml, cookie })
  const header = { complete: true, dataLength, wasRunning: true, format: 'raw' as const }
  return Buffer.concat([serialiseHeader({ ...header, cookieOffset }), bytes, Buffer.alloc(5000, 7)])
}

async function read(path: string): Promise<MachineDescription> {
  const { file, description } = await openImageFile(path, { direct: false })
  await file.close()
  return description
}

/** A possible state of the disk after a torn write: any of its sectors. */
function torn(image: Buffer, { offset, bytes }: EditWrite, seed: number): Buffer {
  const result = Buffer.from(image)
  let random = seed
  for (let at = offset; at < offset + bytes.length;) {
    const end = Math.min((Math.floor(at / SECTOR) + 1) * SECTOR, offset + bytes.length)
    random = (random * 1103515245 + 12345) & 0x7fffffff
    // Once from the front, once from the back, else at random.
    const there = seed === 0 ? at < offset + 2000 : seed === 1 ? at > offset + 2000 : random & 65536
    if (there) result.set(bytes.subarray(at - offset, end - offset), at)
    at = end
  }
  return result
}

/** The writes of an edit, recorded by executing it. */
async function writesOf(path: string, image: Buffer): Promise<readonly EditWrite[]> {
  await writeFile(path, image)
  const before = await openImageFile(path, { direct: false })
  await before.file.close()
  await rewriteDescription(path, () => Promise.resolve({ xml: newXml, wasRunning: false }))
  const after = await readFile(path)
  const { dataLength, cookieOffset } = before.header
  const edited = {
    header: after.subarray(0, HEADER_LENGTH),
    area: after.subarray(HEADER_LENGTH, HEADER_LENGTH + dataLength),
  }
  const cookieLength = Buffer.byteLength(before.description.cookie ?? '')
  const more = cookieOffset === 0 ? 0 : cookieLength + 1
  const { record, finish } = editWrites(
    edited,
    newXml.length + 1 + more,
    Buffer.byteLength(before.description.xml) + 1 + more,
  )
  return [...record, ...finish]
}

const IMAGES: readonly (readonly [string, Buffer])[] = [
  ['raw', rawImage('<cookie/>')],
  ['raw without cookie', rawImage(undefined)],
  ['stasis', Buffer.from(buildStasisImage().bytes)],
]

for (const [name, image] of IMAGES) {
  test(`a crash in rewriteDescription() leaves the old description or the new one (${name})`, async () => {
    await using dir = await tempDir()
    const path = dir.join('image')
    await writeFile(path, image)
    const old = await read(path)
    const writes = await writesOf(path, image)
    assert.equal(writes.length, 5)
    const now = await read(path)
    assert.deepEqual(now, { ...old, xml: newXml, wasRunning: false })
    let state = image
    for (const [index, write] of writes.entries()) {
      for (let seed = 0; seed < 20; seed += 1) {
        await writeFile(path, torn(state, write, seed))
        assert.deepEqual(await read(path), index <= 1 ? old : now, `write ${index}, seed ${seed}`)
      }
      state = Buffer.from(state)
      state.set(write.bytes, write.offset)
      await writeFile(path, state)
      assert.deepEqual(await read(path), index === 0 ? old : now, `after write ${index}`)
    }
  })

  test(`rewriteDescription() ends an edit that was cut short before its own (${name})`, async () => {
    await using dir = await tempDir()
    const path = dir.join('image')
    const [, record, front] = await writesOf(path, image)
    assert.ok(record !== undefined && front !== undefined)
    const whole = await readFile(path)
    const cut = Buffer.from(image)
    cut.set(record.bytes, record.offset)
    await writeFile(path, torn(cut, front, 3))
    await rewriteDescription(path, ({ xml }) => Promise.resolve({ xml }))
    assert.ok(whole.equals(await readFile(path)))
    const body = HEADER_LENGTH + whole.readUInt32LE(20)
    assert.ok(image.subarray(body).equals(whole.subarray(body)), 'nothing after it changes')
  })
}

test('finishingWrites() leaves no trace of the record', () => {
  const area = Buffer.concat([Buffer.from('<d/>\0'), Buffer.alloc(4995)])
  const edited = Buffer.alloc(HEADER_LENGTH + area.length, 7)
  for (const { offset, bytes } of finishingWrites({ header: Buffer.alloc(HEADER_LENGTH), area }))
    edited.set(bytes, offset)
  assert.ok(edited.equals(Buffer.concat([Buffer.alloc(HEADER_LENGTH), area])))
})

test('rewriteDescription() writes a text that leaves no space for a record at once', async () => {
  await using dir = await tempDir()
  const path = dir.join('image')
  const image = rawImage('<cookie/>')
  await writeFile(path, image)
  const xml = `<domain>${'x'.repeat(image.readUInt32LE(20) - 100)}</domain>`
  await rewriteDescription(path, () => Promise.resolve({ xml }))
  assert.equal((await read(path)).xml, xml)
})
