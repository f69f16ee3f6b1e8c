import { QemuError } from '../../errors.ts'
import { anySignal } from '../../io/any-signal.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import { acceptConnections } from './accept-channels.ts'
import { type IdentifiedConnection, identifyConnection } from './identify-connection.ts'

/** The connections of a saving QEMU by kind. */
export interface IdentifiedConnections {
  readonly main: IdentifiedConnection
  /** In the order of their arrival. */
  readonly channels: readonly IdentifiedConnection[]
}

/**
 * Accepts a main connection and `channels` others in any order, and identifies them by their first bytes. After a fault none stays open; the caller
 * owns the listener.
 * @throws QemuError QEMU_TIMEOUT, QEMU_STREAM, CancelledError
 */
export async function acceptIdentified(
  listener: number,
  channels: number,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<IdentifiedConnections> {
  const fds = await acceptConnections(listener, channels + 1, options)
  try {
    return separate(await identifyAll(fds, options))
  } catch (error) {
    for (const fd of fds) closeDescriptor(fd)
    throw error
  }
}

/** Settles only when no descriptor is polled any more: the number of a closed descriptor may be reused for another file at once. */
async function identifyAll(
  fds: readonly number[],
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<readonly IdentifiedConnection[]> {
  const stop = new AbortController()
  const signal = anySignal(stop.signal, options.signal)
  let fault: unknown
  const results = await Promise.all(
    fds.map((fd) =>
      identifyConnection(fd, { ...options, signal }).catch((error: unknown) => {
        fault ??= error
        stop.abort()
        return undefined
      }),
    ),
  )
  if (fault !== undefined) throw fault
  return results.filter((result) => result !== undefined)
}

function separate(connections: readonly IdentifiedConnection[]): IdentifiedConnections {
  const mains = connections.filter(({ kind }) => kind === 'main')
  const [main] = mains
  if (main === undefined || mains.length > 1)
    throw new QemuError(
      'QEMU_STREAM',
      `QEMU opened ${mains.length} main connections instead of one`,
    )
  return { main, channels: connections.filter((connection) => connection !== main) }
}
