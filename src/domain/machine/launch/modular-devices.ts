import { QemuError } from '../../../errors.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import { hasDevice } from '../../../qemu/probe/help-output.ts'
import type { ProbedQemu } from '../../../qemu/probe/probed-qemu.ts'

/** The packages in which Debian has devices apart from QEMU itself (7.2 and 10.0). */
const PACKAGES: Readonly<Record<string, string>> = {
  qxl: 'qemu-system-modules-spice',
  'virtio-gpu-gl-pci': 'qemu-system-modules-opengl',
  'usb-redir': 'qemu-system-common',
  'usb-ccid': 'qemu-system-common',
}

/**
 * Names the device that a QEMU lacks, after it did not start. The guest would see another machine without it, and its image would not load.
 * @throws QemuError QEMU_LACKS_FEATURE
 */
export async function requireModularDevices(
  { videos, redirectedDevices, smartCards }: Domain,
  { emulator, version }: ProbedQemu,
): Promise<void> {
  const needed = [
    ...(videos.some(({ type }) => type === 'qxl') ? ['qxl'] : []),
    ...(videos.some(({ accelerated }) => accelerated) ? ['virtio-gpu-gl-pci'] : []),
    ...(redirectedDevices.length > 0 ? ['usb-redir'] : []),
    ...(smartCards.length > 0 ? ['usb-ccid'] : []),
  ]
  for (const device of needed) {
    if (await hasDevice(emulator, device)) continue
    throw new QemuError(
      'QEMU_LACKS_FEATURE',
      `QEMU ${version} at ${emulator} does not have the device ${device}`,
      {
        operation: 'check the devices',
        path: emulator,
        hint: `Install it: on Debian it is in the package ${PACKAGES[device]}. The guest sees this device, so it cannot be left out`,
      },
    )
  }
}
