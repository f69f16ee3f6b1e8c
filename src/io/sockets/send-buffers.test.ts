import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { acceptUnix, closeDescriptor, connectUnix } from '../system-calls.ts'
import { widenSendBuffers } from './send-buffers.ts'
import { UnixListener } from './unix-listener.ts'

const MIB = 1024 * 1024

const skip = process.getuid?.() === 0 ? false : 'needs root'

test(
  'widenSendBuffers() lets a process send further ahead, but only to this listener',
  { skip },
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'stasis-'))
    const fds: number[] = []
    try {
      using listener = UnixListener.open(join(directory, 'one'), 2)
      using other = UnixListener.open(join(directory, 'other'), 2)
      const connect = ({ path, fd }: UnixListener): readonly [number, number] => {
        const client = connectUnix(path, { nonBlocking: true })
        const accepted = acceptUnix(fd as number) as number
        fds.push(client, accepted)
        return [client, accepted]
      }
      const [first, accepted] = connect(listener)
      const [second] = connect(listener)
      const [elsewhere] = connect(other)
      widenSendBuffers(accepted, MIB)
      assert.ok(sentAhead(first) >= MIB)
      assert.ok(sentAhead(second) >= MIB)
      assert.ok(sentAhead(elsewhere) < MIB)
    } finally {
      for (const fd of fds) closeDescriptor(fd)
      rmSync(directory, { recursive: true })
    }
  },
)

/** How many bytes a connection takes that nobody reads. */
function sentAhead(fd: number): number {
  const piece = Buffer.alloc(16384)
  let sent = 0
  try {
    for (;;) sent += writeSync(fd, piece)
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
    return sent
  }
}
