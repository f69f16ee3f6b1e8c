import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { allocateSlots } from '../../io/memory/aligned-memory.ts'
import { DirectFile } from '../../io/files/direct-file.ts'
import { LinearWriter } from './linear-writer.ts'

const LENGTH = 8192

test('LinearWriter writes every piece to its place, neighbours in any order', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stasis-linear-'))
  try {
    const path = join(directory, 'file')
    await using file = await DirectFile.open(path, 'create', { direct: true })
    const writer = new LinearWriter(file)
    const slots = allocateSlots(40, LENGTH)
    slots.forEach((slot, index) => slot.fill(index + 1))
    const places = slots.map((_, index) => (index * 7) % 40)
    await Promise.all(slots.map((slot, index) => writer.write(slot, (places[index] ?? 0) * LENGTH)))
    assert.equal(writer.busy, false)
    const content = await readFile(path)
    assert.equal(content.length, 40 * LENGTH)
    places.forEach((place, index) => {
      const piece = content.subarray(place * LENGTH, (place + 1) * LENGTH)
      assert.ok(
        piece.every((byte) => byte === index + 1),
        `piece ${index} at ${place}`,
      )
    })
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('LinearWriter joins pieces that arrive one by one while the disk keeps up', async () => {
  let writes = 0
  const fastDisk = {
    async writeAll() {
      writes += 1
      await nextTurn()
      await nextTurn()
    },
  } as unknown as DirectFile
  const writer = new LinearWriter(fastDisk)
  const slots = allocateSlots(16, 512 * 1024)
  const written: Promise<void>[] = []
  for (const [index, slot] of slots.entries()) {
    written.push(writer.write(slot, index * slot.length))
    await nextTurn()
  }
  await Promise.all(written)
  assert.ok(writes <= 8, `${slots.length} pieces in ${writes} writes`)
})

test('LinearWriter waits in idle() for pieces whose write has not begun', async () => {
  let writes = 0
  const disk = { writeAll: async () => void (writes += 1) } as unknown as DirectFile
  const writer = new LinearWriter(disk)
  void writer.write(allocateSlots(1, LENGTH)[0] as Uint8Array, 0)
  await writer.idle()
  assert.equal(writes, 1)
})

test('LinearWriter reports a full disk to each writer', async () => {
  await using file = await DirectFile.open('/dev/full', 'update', { direct: false })
  const writer = new LinearWriter(file)
  const slots = allocateSlots(4, LENGTH)
  const results = await Promise.allSettled(
    slots.map((slot, index) => writer.write(slot, index * LENGTH)),
  )
  for (const result of results) {
    assert.equal(result.status, 'rejected')
    assert.equal((result.reason as { code: string }).code, 'NO_SPACE')
  }
  await writer.idle()
})
