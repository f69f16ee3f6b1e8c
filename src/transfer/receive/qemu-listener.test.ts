import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { closeDescriptor, connectUnix } from '../../io/system-calls.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { QemuListener } from './qemu-listener.ts'

const AHEAD_LENGTH = 768 * 1024
const PATIENCE_MS = 5000

const skip = process.getuid?.() === 0 ? false : 'needs root'

test(
  'QemuListener lets its peer send further ahead than a socket usually does',
  { skip },
  async () => {
    await using directory = await tempDir()
    const socketPath = directory.join('socket')
    const ended = Promise.withResolvers<void>()
    const receiver = {
      receive: () => ended.promise,
      discard: () => undefined,
      hangUp: ended.resolve,
    }
    await using _listener = new QemuListener({ path: 'image', socketPath, channels: 0 }, receiver)
    const fd = connectUnix(socketPath, { nonBlocking: true })
    try {
      writeSync(fd, 'QEVM')
      const deadline = performance.now() + PATIENCE_MS
      let sent = 0
      while (sent < AHEAD_LENGTH && performance.now() < deadline) {
        sent += writeSome(fd)
        await sleep(1)
      }
      // The usual buffer is full after 208 KiB.
      assert.ok(sent >= AHEAD_LENGTH, `${sent} bytes`)
    } finally {
      closeDescriptor(fd)
    }
  },
)

function writeSome(fd: number): number {
  try {
    return writeSync(fd, Buffer.alloc(16384))
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
    return 0
  }
}
