import { DomainXmlError, QemuError } from '../../errors.ts'
import type { Device } from '../domain-xml/model/buses/device.ts'
import type { Domain } from '../domain-xml/model/domain.ts'
import { keyValues } from './arguments.ts'
import { atLeast, type CommandLineOptions } from './options.ts'

/** `-boot` and the options for a direct kernel boot. */
export function bootArguments(
  domain: Domain,
  { qemuVersion }: Pick<CommandLineOptions, 'qemuVersion'>,
): readonly string[] {
  const { os } = domain
  const parts = [
    ...(os.bootMenu === undefined ? [] : [`menu=${os.bootMenu ? 'on' : 'off'}`]),
    ...(os.rebootTimeoutMs === undefined ? [] : [`reboot-timeout=${os.rebootTimeoutMs}`]),
    ...(os.bootMenu !== true || os.bootMenuTimeoutMs === undefined
      ? []
      : [`splash-time=${os.bootMenuTimeoutMs}`]),
    'strict=on',
  ]
  if (os.kernel === undefined && (os.initrd ?? os.cmdline ?? os.deviceTree) !== undefined) {
    throw new DomainXmlError(
      'XML_INVALID',
      '/domain/os: an <initrd>, <cmdline> or <dtb> needs a <kernel>',
    )
  }
  if (os.kernel === undefined && os.shim !== undefined)
    throw new DomainXmlError('XML_INVALID', '/domain/os: a <shim> needs a <kernel>')
  if (os.shim !== undefined && !atLeast(qemuVersion, 10, 0))
    throw new QemuError('QEMU_LACKS_FEATURE', 'A shim beside the kernel needs QEMU 10.0')
  return [
    '-boot',
    parts.join(','),
    ...(os.kernel === undefined ? [] : ['-kernel', os.kernel]),
    ...(os.initrd === undefined ? [] : ['-initrd', os.initrd]),
    ...(os.cmdline === undefined ? [] : ['-append', os.cmdline]),
    ...(os.deviceTree === undefined ? [] : ['-dtb', os.deviceTree]),
    ...(os.shim === undefined ? [] : ['-shim', os.shim]),
    ...acpiTableArguments(domain),
  ]
}

function acpiTableArguments({ os, features }: Domain): readonly string[] {
  if (os.acpiTables.length > 0 && !features.acpi) {
    throw new DomainXmlError('XML_INVALID', '/domain/os/acpi: the guest has no ACPI', {
      hint: 'Add <acpi/> to <features>',
    })
  }
  return os.acpiTables.flatMap(({ signature, path }) => [
    '-acpitable',
    keyValues({ sig: signature, file: path }),
  ])
}

/**
 * Each device's place in the boot order. With `<boot dev>` in `<os>`, the first disk, CD-ROM, floppy and network card stand for their kind, as in
 * libvirt; otherwise the devices have their own `<boot order>`.
 *
 * @throws DomainXmlError `XML_INVALID` when the XML has both kinds or two devices claim the same place
 */
export function bootIndexes(domain: Domain): ReadonlyMap<Device, number> {
  const { disks, interfaces, redirectedDevices, hostDevices, sharedDirectories } = domain
  const devices = [
    ...disks,
    ...interfaces,
    ...redirectedDevices,
    ...hostDevices,
    ...sharedDirectories,
  ]
  const own = devices.filter((one) => one.bootOrder !== undefined)
  const indexes = new Map<Device, number>()
  if (own.length > 0) {
    if (domain.os.boot.length > 0) {
      throw new DomainXmlError('XML_INVALID', `${own[0]?.place}: <os> already gives a boot order`)
    }
    const taken = new Map<number, Device>()
    for (const device of own) {
      const order = device.bootOrder ?? 0
      const other = taken.get(order)
      if (other !== undefined || order === 0) {
        const what =
          other === undefined ? 'must be at least 1' : `${order} is already used by ${other.place}`
        throw new DomainXmlError('XML_INVALID', `${device.place}: the boot order ${what}`)
      }
      taken.set(order, device)
      indexes.set(device, order)
    }
    return indexes
  }
  domain.os.boot.forEach((kind, at) => {
    const device = firstOf(domain, kind)
    if (device !== undefined && !indexes.has(device)) indexes.set(device, at + 1)
  })
  return indexes
}

function firstOf(domain: Domain, kind: Domain['os']['boot'][number]): Device | undefined {
  if (kind === 'network') return domain.interfaces[0]
  const wanted = { hd: ['disk', 'lun'], cdrom: ['cdrom'], fd: ['floppy'] }[kind]
  return domain.disks.find((disk) => wanted.includes(disk.device))
}
