import { setTimeout as delay } from 'node:timers/promises'
import { CancelledError, QemuError } from '../../errors.ts'
import { sendDescriptor } from '../../io/sockets/pass-descriptor.ts'
import { type SystemCallError, connectUnix } from '../../io/system-calls.ts'
import { QmpConnection } from '../../qmp/connection.ts'

/**
 * Gives QEMU copies of our descriptors as one set, which it opens as `/dev/fdset/N`: an open takes the copy with the same access mode and O_DIRECT.
 * `monitor` must have no other client. QEMU keeps the set while another monitor has a client (QEMU monitor/fds.c).
 * @throws QemuError, CancelledError
 */
export async function addDescriptors(
  monitor: string,
  fds: readonly number[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const socket = await connect(monitor, signal)
  await using qmp = await QmpConnection.onDescriptor(socket, monitor, { signal })
  let set: number | undefined
  for (const fd of fds) {
    // QEMU keeps a descriptor that it receives for its next command, and skips white space between commands.
    sendDescriptor(socket, '\n', fd)
    const added = await qmp.execute('add-fd', set === undefined ? {} : { 'fdset-id': set }, {
      signal,
    })
    set = added['fdset-id']
  }
  return set ?? 0
}

const PATIENCE_MS = 5000
const RETRY_MS = 20

/** A monitor serves one client at a time, and its queue is short. */
async function connect(monitor: string, signal: AbortSignal | undefined): Promise<number> {
  for (const deadline = performance.now() + PATIENCE_MS; ;) {
    try {
      return connectUnix(monitor, { nonBlocking: true })
    } catch (cause) {
      const full = (cause as SystemCallError).code === 'EAGAIN'
      if (!full || performance.now() > deadline) {
        const facts = { path: monitor, cause }
        throw full
          ? new QemuError('QEMU_BUSY', `The monitor at ${monitor} does not answer`, facts)
          : new QemuError('QEMU_DIED', `No QEMU listens on ${monitor}`, facts)
      }
    }
    await delay(RETRY_MS, undefined, { signal }).catch((reason: unknown) => {
      throw new CancelledError(`connect to ${monitor}`, reason)
    })
  }
}
