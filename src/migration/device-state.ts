import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { QemuError, throwIfCancelled } from '../errors.ts'
import { LeasedFile } from '../io/files/leased-file.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import type { DeviceState } from '../wire/device-state.ts'
import { PAGE_SIZE } from '../wire/page-size.ts'
import { SECTION, STREAM_MAGIC } from '../wire/stream-constants.ts'
import { newHead } from '../wire/stream-head.ts'

const OPERATION = 'save the state of the devices'

/** A RAM section's id that no device has: QEMU counts its sections from 0. */
const RAM_SECTION = 0x7fff_0000

/** Targets whose streams name the size of their pages. */
const NAMES_PAGE_SIZE: ReadonlySet<string> = new Set(['aarch64', 'arm'])

/** Before machine types of 2.4 streams had no configuration section (hw/core/machine.c `hw_compat_2_3`). */
const WITHOUT_CONFIGURATION = /-(?:[01]\.\d+|2\.[0-3])$/

/** The start of the stream of a QEMU, which names its machine. @throws QemuError QEMU_LACKS_FEATURE, QEMU_DIED */
export async function streamStart(
  qmp: QmpConnection,
): Promise<Pick<DeviceState, 'head' | 'ramSection'>> {
  const type = await qmp.execute('qom-get', { path: '/machine', property: 'type' })
  const machine = typeof type === 'string' ? type.replace(/-machine$/, '') : ''
  if (machine === '' || WITHOUT_CONFIGURATION.test(machine)) {
    throw new QemuError(
      'QEMU_LACKS_FEATURE',
      `The machine type ${machine} has no section for its configuration`,
      { operation: OPERATION },
    )
  }
  const { arch } = await qmp.execute('query-target')
  const pageBits = NAMES_PAGE_SIZE.has(arch) ? Math.log2(PAGE_SIZE) : undefined
  return { head: newHead(machine, pageBits), ramSection: RAM_SECTION }
}

const FIRST_PATIENCE_MS = 50
const STEP_MS = 1

/** A file for the state of the devices: its path, and the name under which QEMU finds it. */
export interface DeviceFilePlace {
  readonly path: string
  readonly inQemu: string
  /** The user of QEMU, if it is not ours. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
}

/**
 * Takes the state of all devices, without memory, and calls `whileStopped` at its moment. QEMU stops the guest for it, and lets it continue if it ran.
 * This works without Xen (migration/savevm.c `qmp_xen_save_devices_state`, tried with 7.2, 10.0 and 11.1).
 *
 * QEMU opens the file when it has stopped the guest. We have a lease of the file, so QEMU waits there until `whileStopped` has returned. If this process
 * dies, the kernel ends the lease, and QEMU lets the guest continue by itself.
 * @throws QemuError QEMU_REFUSED, QEMU_STREAM, QEMU_DIED; StorageError, CancelledError; errors of `whileStopped`. The guest continues
 */
export async function takeDevices(
  qmp: QmpConnection,
  place: DeviceFilePlace,
  whileStopped: () => Promise<void>,
  signal?: AbortSignal,
): Promise<Pick<DeviceState, 'sections' | 'tail'>> {
  using file = new LeasedFile(place)
  let ended = false
  const command = qmp
    .execute('xen-save-devices-state', { filename: place.inQemu, live: true })
    .finally(() => {
      ended = true
    })
  command.catch(() => undefined)
  try {
    const start = performance.now()
    while (!file.isAwaited() && !ended) {
      throwIfCancelled(OPERATION, signal)
      // The guest may be stopped already.
      if (performance.now() - start < FIRST_PATIENCE_MS) await nextTurn()
      else await delay(STEP_MS)
    }
    // QEMU has refused before it opened the file.
    if (ended) await command
    else await whileStopped()
  } finally {
    file.release()
    await command.catch(() => undefined)
  }
  await command
  return sectionsOf(file.content())
}

/** @throws QemuError QEMU_STREAM */
function sectionsOf(bytes: Buffer): Pick<DeviceState, 'sections' | 'tail'> {
  const { length: start } = STREAM_MAGIC
  const isWhole =
    bytes.length > start + 1 &&
    bytes.subarray(0, start).equals(STREAM_MAGIC) &&
    bytes[start] === SECTION.FULL &&
    bytes.at(-1) === SECTION.END_OF_STREAM
  if (isWhole) return { sections: bytes.subarray(start, -1), tail: bytes.subarray(-1) }
  throw new QemuError('QEMU_STREAM', 'QEMU wrote a state of the devices that is not complete', {
    operation: OPERATION,
  })
}
