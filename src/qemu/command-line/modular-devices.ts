import { QemuError } from '../../errors.ts'
import type { ProbedQemu } from '../probed-qemu.ts'

/** Devices that distributions pack apart from QEMU, and where Debian has them (packages of QEMU 7.2 and 10.0). */
const PACKAGES: readonly { readonly device: RegExp; readonly packageName: string }[] = [
  { device: /^qxl/, packageName: 'qemu-system-modules-spice' },
  { device: /^virtio-(gpu|vga)-gl/, packageName: 'qemu-system-modules-opengl' },
  { device: /^(usb-redir|usb-ccid|ccid-card-)/, packageName: 'qemu-system-common' },
]

/**
 * Checks that a QEMU has the devices of a command line that it may lack. The guest would see another machine without them, and its image would not load.
 * @throws QemuError QEMU_LACKS_FEATURE
 */
export function requireModularDevices(argv: readonly string[], probed: ProbedQemu): void {
  argv.forEach((value, at) => {
    if (argv[at - 1] !== '-device') return
    const { driver } = JSON.parse(value) as { readonly driver: string }
    const known = PACKAGES.find(({ device }) => device.test(driver))
    if (known === undefined || probed.devices.includes(driver.replace(/,.*/, ''))) return
    throw new QemuError(
      'QEMU_LACKS_FEATURE',
      `QEMU ${probed.version} at ${probed.emulator} does not have the device ${driver}`,
      {
        operation: 'check the devices',
        path: probed.emulator,
        hint: `Install it: on Debian it is in the package ${known.packageName}. The guest sees this device, so it cannot be left out`,
      },
    )
  })
}
