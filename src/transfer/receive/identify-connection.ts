import { readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { QemuError, throwIfCancelled } from '../../errors.ts'
import { MULTIFD_MAGIC } from '../../wire/multifd-packet.ts'

/** The two kinds of connection from a saving QEMU. */
export type ConnectionKind = 'main' | 'channel'

/** An accepted connection whose first bytes were read. */
export interface IdentifiedConnection {
  readonly fd: number
  readonly kind: ConnectionKind
  /** The four bytes that identified it. */
  readonly first: Uint8Array
}

const STREAM_MAGIC = 0x5145564d
const POLL_MS = 2

/**
 * Reads the first word of a connection: the main stream starts with `QEVM`, a channel with multifd's magic.
 * @throws QemuError QEMU_STREAM, QEMU_TIMEOUT, CancelledError
 */
export async function identifyConnection(
  fd: number,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<IdentifiedConnection> {
  const first = Buffer.alloc(4)
  const deadline = performance.now() + options.timeoutMs
  let fill = 0
  while (fill < first.length) {
    throwIfCancelled('wait for the first bytes of a migration channel', options.signal)
    const count = tryRead(fd, first, fill)
    if (count === 0)
      throw new QemuError('QEMU_STREAM', 'QEMU closed a migration channel before sending anything')
    if (count === undefined) {
      if (performance.now() > deadline)
        throw new QemuError('QEMU_TIMEOUT', 'A migration channel stays silent')
      await sleep(POLL_MS)
    } else {
      fill += count
    }
  }
  switch (first.readUInt32BE(0)) {
    case STREAM_MAGIC:
      return { fd, kind: 'main', first }
    case MULTIFD_MAGIC:
      return { fd, kind: 'channel', first }
    default:
      throw new QemuError(
        'QEMU_STREAM',
        `A migration channel begins with ${first.toString('hex')}, which is no QEMU stream`,
      )
  }
}

/** Returns `undefined` while nothing has arrived. */
function tryRead(fd: number, into: Buffer, at: number): number | undefined {
  try {
    return readSync(fd, into, at, into.length - at, null)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw new QemuError('QEMU_STREAM', 'A migration channel cannot be read', { cause: error })
  }
}
