import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { StasisError } from '../../errors.ts'
import { closeDescriptor, connectedPair } from '../../io/system-calls.ts'
import { makeTemporaryDirectory } from '../../io/files/temporary-directory.ts'
import { Intake } from './intake.ts'

const MIB = 2 ** 20

/** Sends bytes as fast as they are taken, then hangs up. */
async function send(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    // Small enough for the socket's buffer, so that this thread never blocks for long.
    at += writeSync(fd, bytes, at, Math.min(65536, bytes.length - at))
    await delay(0)
  }
  closeDescriptor(fd)
}

test('Intake takes everything before it is read, in memory and then in the spool, and gives it in order', async () => {
  await using directory = await makeTemporaryDirectory('stasis-intake-')
  const spool = { directory: directory.path, bytes: 8 * MIB }
  await using intake = new Intake({ memoryBytes: MIB, spool })
  const [ours, theirs] = connectedPair()
  intake.receive(ours)
  const bytes = randomBytes(5 * MIB)
  // Nothing is read meanwhile.
  await send(theirs, bytes)
  while (intake.figures.receivedBytes < bytes.length) await delay(1)
  const hash = createHash('sha256')
  let length = 0
  for await (const piece of intake.pieces()) {
    hash.update(piece)
    length += piece.length
  }
  assert.equal(length, bytes.length)
  assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'))
  const { mostInMemoryBytes, mostInSpoolBytes } = intake.figures
  assert.ok(mostInMemoryBytes <= MIB && mostInMemoryBytes > MIB / 2, `${mostInMemoryBytes}`)
  assert.ok(mostInSpoolBytes >= 4 * MIB, `${mostInSpoolBytes}`)
})

test('Intake uses its rings again and again', async () => {
  await using directory = await makeTemporaryDirectory('stasis-intake-')
  const spool = { directory: directory.path, bytes: MIB }
  await using intake = new Intake({ memoryBytes: MIB / 2, spool })
  const [ours, theirs] = connectedPair()
  intake.receive(ours)
  const bytes = randomBytes(6 * MIB)
  const hash = createHash('sha256')
  const read = async (): Promise<void> => {
    let left = 0
    for await (const piece of intake.pieces()) {
      hash.update(piece)
      left += piece.length
      if (left > MIB) await delay(1)
    }
  }
  await Promise.all([send(theirs, bytes), read()])
  assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'))
})

test('Intake fails with NO_SPACE when both are full, and still takes the rest', async () => {
  await using intake = new Intake({ memoryBytes: MIB })
  const [ours, theirs] = connectedPair()
  intake.receive(ours)
  await send(theirs, randomBytes(3 * MIB))
  await assert.rejects(
    async () => {
      for await (const _piece of intake.pieces());
    },
    (error) => StasisError.is(error, 'NO_SPACE'),
  )
})
