import { QemuError } from '../../../errors.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import type { ProcessorSlot } from '../../../qmp/replies.ts'

/**
 * Plugs in the processors that were plugged into a machine after its start. An image contains the state of each, so they must be there before it loads.
 * @throws QemuError when QEMU refuses
 */
export async function plugProcessors(
  control: QmpConnection,
  { vcpus }: Pick<Domain, 'vcpus'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (vcpus.plugged.length === 0) return
  const slots = (await control.execute('query-hotpluggable-cpus', {}, { signal })).toSorted(
    (a, b) => compare(placeOf(a), placeOf(b)),
  )
  for (const id of vcpus.plugged) {
    const slot = slots[id]
    if (slot === undefined)
      throw new QemuError('QEMU_REFUSED', `QEMU has no place for the processor ${id}`)
    const device = { driver: slot.type, id: `vcpu${id}`, ...slot.props }
    await control.execute('device_add', device, { signal })
  }
}

/** The order of the numbers of processors. */
const LEVELS = ['socket-id', 'die-id', 'cluster-id', 'module-id', 'core-id', 'thread-id'] as const

function placeOf({ props }: ProcessorSlot): readonly number[] {
  return LEVELS.map((name) => props[name] ?? 0)
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((part, index) => part !== b[index])
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}
