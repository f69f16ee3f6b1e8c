import { QemuError } from '../../../errors.ts'
import type { IothreadMap } from '../../domain-xml/model/buses/iothread-map.ts'
import type { JsonValue } from '../arguments.ts'
import { atLeast, type CommandLineOptions, versionText } from '../options.ts'

/**
 * `iothread-vq-mapping`: which thread serves which queues of a device. QEMU has it for disks since 9.0, for SCSI controllers since 10.0.
 * @throws QemuError `QEMU_LACKS_FEATURE`
 */
export function iothreadMapping(
  map: IothreadMap,
  since: 9 | 10,
  { qemuVersion }: Pick<CommandLineOptions, 'qemuVersion'>,
): JsonValue | undefined {
  if (map.length === 0) return undefined
  if (!atLeast(qemuVersion, since, 0))
    throw new QemuError(
      'QEMU_LACKS_FEATURE',
      `QEMU ${versionText(qemuVersion)} cannot divide the queues of this device among I/O threads; QEMU ${since}.0 can`,
      { hint: 'Use one I/O thread, with <driver iothread="…"/>: the guest does not see it' },
    )
  return map.map(({ id, queues }) => ({
    iothread: `iothread${id}`,
    vqs: queues.length === 0 ? undefined : queues,
  }))
}
