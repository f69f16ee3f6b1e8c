import { readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { QemuError, throwIfCancelled } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import { acceptUnix, closeDescriptor } from '../../io/system-calls.ts'
import { MULTIFD_MAGIC } from '../../wire/multifd-packet.ts'

/** An accepted connection. */
export interface Connection {
  readonly fd: number
  /** The four bytes that identified it; empty if it was accepted at once. */
  readonly first: Uint8Array
}

/** The connections of a saving QEMU. */
export interface Connections {
  readonly main: Connection
  /** In the order of arrival, which is not the order of QEMU's channels. */
  readonly channels: readonly Connection[]
}

/** Bounds of a wait for connections. */
export interface AcceptOptions {
  /** Time limit for the arrival of all connections, and again for the first word of each. */
  readonly timeoutMs: number
  /** For a main connection without others: it is not identified, because a guest that is stopped would wait for that. The receiver checks the stream. */
  readonly atOnce?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

const POLL_MS = 2

/** `QEVM`. */
const MAIN_MAGIC = 0x5145564d

/**
 * Accepts a main connection and `channels` others on a non-blocking listener, in any order, and identifies each by its first word: the main stream
 * starts with `QEVM`, a channel with multifd's magic. After a fault none of them stays open; the caller owns the listener.
 * @throws QemuError QEMU_TIMEOUT, QEMU_STREAM, CancelledError
 */
export async function acceptConnections(
  listener: number,
  channels: number,
  options: AcceptOptions,
): Promise<Connections> {
  const fds: number[] = []
  try {
    await acceptAll(listener, channels + 1, options, fds)
    const [only] = fds
    if (options.atOnce === true && channels === 0 && only !== undefined)
      return { main: { fd: only, first: Buffer.alloc(0) }, channels: [] }
    return await identifyAll(fds, options)
  } catch (error) {
    for (const fd of fds) closeDescriptor(fd)
    throw error
  }
}

async function acceptAll(
  listener: number,
  count: number,
  { timeoutMs, signal }: AcceptOptions,
  fds: number[],
): Promise<void> {
  const operation = "wait for QEMU's connections"
  const deadline = performance.now() + timeoutMs
  while (fds.length < count) {
    throwIfCancelled(operation, signal)
    const fd = acceptUnix(listener)
    if (fd !== undefined) {
      fds.push(fd)
      continue
    }
    if (performance.now() > deadline) {
      throw new QemuError(
        'QEMU_TIMEOUT',
        `QEMU opened ${fds.length} of ${count} connections within ${timeoutMs} ms`,
        { operation },
      )
    }
    await sleep(POLL_MS)
  }
}

interface IdentifiedConnection extends Connection {
  readonly kind: 'main' | 'channel'
}

/** Settles only when no descriptor is polled any more: the number of a closed descriptor may be reused for another file. */
async function identifyAll(fds: readonly number[], options: AcceptOptions): Promise<Connections> {
  const stop = new AbortController()
  const signal = anySignal(stop.signal, options.signal)
  let fault: unknown
  const identified = await Promise.all(
    fds.map((fd) =>
      identify(fd, { ...options, signal }).catch((error: unknown) => {
        fault ??= error
        stop.abort()
        return undefined
      }),
    ),
  )
  if (fault !== undefined) throw fault
  const connections = identified.filter((connection) => connection !== undefined)
  const [main, ...others] = connections.filter(({ kind }) => kind === 'main')
  if (main === undefined || others.length > 0) {
    const count = main === undefined ? 0 : others.length + 1
    throw new QemuError('QEMU_STREAM', `QEMU opened ${count} main connections instead of one`)
  }
  return { main, channels: connections.filter((connection) => connection !== main) }
}

async function identify(fd: number, options: AcceptOptions): Promise<IdentifiedConnection> {
  const first = await readFirstWord(fd, options)
  switch (first.readUInt32BE(0)) {
    case MAIN_MAGIC:
      return { fd, kind: 'main', first }
    case MULTIFD_MAGIC:
      return { fd, kind: 'channel', first }
    default:
      throw new QemuError(
        'QEMU_STREAM',
        `A migration channel starts with ${first.toString('hex')}, unlike any QEMU stream`,
      )
  }
}

async function readFirstWord(fd: number, { timeoutMs, signal }: AcceptOptions): Promise<Buffer> {
  const first = Buffer.alloc(4)
  const deadline = performance.now() + timeoutMs
  for (let fill = 0; fill < first.length;) {
    throwIfCancelled('wait for the first bytes of a migration channel', signal)
    const count = tryRead(fd, first, fill)
    if (count === 0)
      throw new QemuError('QEMU_STREAM', 'QEMU closed a migration channel before sending anything')
    if (count === undefined && performance.now() > deadline)
      throw new QemuError('QEMU_TIMEOUT', 'QEMU sent nothing on a migration channel')
    if (count === undefined) await sleep(POLL_MS)
    else fill += count
  }
  return first
}

/** Returns `undefined` while nothing has arrived. */
function tryRead(fd: number, into: Buffer, at: number): number | undefined {
  try {
    return readSync(fd, into, at, into.length - at, null)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw new QemuError('QEMU_STREAM', 'Could not read a migration channel', { cause: error })
  }
}
