import { QemuError } from '../errors.ts'
import { sendDescriptor } from '../io/pass-descriptor.ts'
import { connectUnix } from '../io/system-calls.ts'
import { QmpConnection } from '../qmp/connection.ts'

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
  let socket: number
  try {
    socket = connectUnix(monitor)
  } catch (cause) {
    throw new QemuError('QEMU_DIED', `No QEMU listens on ${monitor}`, { path: monitor, cause })
  }
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
