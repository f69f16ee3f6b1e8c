import { DomainXmlError } from '../../../errors.ts'
import type { Controller, ControllerType } from '../../domain-xml/model/buses/controller.ts'
import { device, type Properties } from '../arguments.ts'
import { bootIndexes } from '../boot.ts'
import { iothreadMapping } from './iothread-mapping.ts'
import type { CommandLineOptions } from '../options.ts'
import { pciControllerProperties } from './pci-controllers.ts'
import { usbControllerProperties } from './usb.ts'
import { virtioDevice } from './virtio.ts'
import type { Wiring } from './wiring.ts'

/** The order of the types on libvirt's command line; the guest does not see it. */
const ORDER: readonly ControllerType[] = [
  'pci',
  'usb',
  'scsi',
  'ide',
  'sata',
  'virtio-serial',
  'fdc',
]

const SCSI_DRIVERS: Readonly<Record<string, string>> = {
  lsilogic: 'lsi',
  lsisas1068: 'mptsas1068',
  lsisas1078: 'megasas',
  vmpvscsi: 'pvscsi',
}

/** Controllers and bridges, except those that are part of the machine. */
export function controllerArguments(
  wiring: Wiring,
  options: Pick<CommandLineOptions, 'qemuVersion'>,
): readonly string[] {
  const { controllers } = wiring.domain
  return ORDER.flatMap((type) =>
    controllers
      .filter((one) => one.type === type)
      .flatMap((one) => [
        ...globals(one),
        ...(isBuiltIn(one, wiring) ? [] : build(one, wiring, options)),
      ]),
  )
}

function isBuiltIn({ type, model, index }: Controller, { chipset }: Wiring): boolean {
  if (model === 'pcie-root' || model === 'pci-root' || model === 'none') return true
  if (index !== 0) return false
  return (
    (type === 'sata' && chipset === 'q35') ||
    (type === 'ide' && chipset === 'i440fx') ||
    (type === 'fdc' && chipset === 'i440fx')
  )
}

function globals(controller: Controller): readonly string[] {
  const host = { 'pcie-root': 'q35-pcihost', 'pci-root': 'i440FX-pcihost' }[controller.model ?? '']
  if (host === undefined) return []
  const { pciHole64Bytes, hotplug } = controller
  return [
    ...(pciHole64Bytes === undefined
      ? []
      : ['-global', `${host}.pci-hole64-size=${pciHole64Bytes / 1024}K`]),
    ...(hotplug === undefined || controller.model !== 'pci-root'
      ? []
      : ['-global', `PIIX4_PM.acpi-root-pci-hotplug=${hotplug ? 'on' : 'off'}`]),
  ]
}

function build(
  controller: Controller,
  wiring: Wiring,
  options: Pick<CommandLineOptions, 'qemuVersion'>,
): readonly string[] {
  const id = wiring.controllerId(controller)
  const address = controller.type === 'fdc' ? {} : wiring.address(controller)
  const own =
    controller.type === 'scsi'
      ? scsiProperties(controller, id, options)
      : properties({ ...controller, type: controller.type }, id, wiring)
  return device({ ...own, ...address })
}

function properties(
  controller: Controller & { readonly type: Exclude<ControllerType, 'scsi'> },
  id: string,
  wiring: Wiring,
): Properties {
  switch (controller.type) {
    case 'pci':
      return pciControllerProperties(controller, id)
    case 'usb':
      return usbControllerProperties(controller, id, wiring)
    case 'sata':
      return { driver: 'ahci', id }
    case 'virtio-serial':
      return {
        ...virtioDevice('virtio-serial', controller.virtio),
        id,
        max_ports: controller.ports,
        vectors: controller.vectors,
      }
    case 'fdc':
      return { driver: 'isa-fdc', ...floppyBoot(wiring) }
    case 'ccid':
      return { driver: 'usb-ccid', id }
    case 'ide':
      throw new DomainXmlError(
        'XML_UNSUPPORTED',
        `${controller.place}: this machine cannot have another IDE controller`,
        { hint: wiring.chipset === 'q35' ? 'Use SATA disks on q35' : undefined },
      )
  }
}

function scsiProperties(
  controller: Controller,
  id: string,
  options: Pick<CommandLineOptions, 'qemuVersion'>,
): Properties {
  const { model } = controller
  const driver = SCSI_DRIVERS[model ?? '']
  if (driver !== undefined) return { driver, id }
  if (model === undefined || model === 'auto') {
    throw new DomainXmlError(
      'XML_INVALID',
      `${controller.place}: the attribute "model" is missing`,
      {
        hint: 'Use model="virtio-scsi"',
      },
    )
  }
  return {
    ...virtioDevice('virtio-scsi', controller.virtio),
    iothread: controller.iothread === undefined ? undefined : `iothread${controller.iothread}`,
    'iothread-vq-mapping': iothreadMapping(controller.iothreadMap, 10, options),
    id,
    num_queues: controller.queues,
    cmd_per_lun: controller.cmdPerLun,
    max_sectors: controller.maxSectors,
    ioeventfd: controller.ioeventfd,
  }
}

/** A floppy's place in the boot order is a property of its controller. */
function floppyBoot({ domain }: Wiring): Readonly<Record<string, number>> {
  const indexes = bootIndexes(domain)
  const floppies = domain.disks.filter((disk) => disk.bus === 'fdc')
  return Object.fromEntries(
    floppies.flatMap((disk) => {
      const index = indexes.get(disk)
      if (index === undefined || disk.address?.type !== 'drive') return []
      return [[disk.address.unit === 0 ? 'bootindexA' : 'bootindexB', index]]
    }),
  )
}

/** On a machine with a built-in floppy controller the boot order is a global property. */
export function floppyGlobals(wiring: Wiring): readonly string[] {
  if (wiring.chipset !== 'i440fx') return []
  return Object.entries(floppyBoot(wiring)).flatMap(([name, index]) => [
    '-global',
    `isa-fdc.${name}=${index}`,
  ])
}
