import type { Device } from '../../qemu/domain-xml/model/buses/device.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { HostDevice } from '../../qemu/domain-xml/model/devices/host-device.ts'
import type { SharedDirectory } from '../../qemu/domain-xml/model/devices/shared-directory.ts'
import type { SharedMemory } from '../../qemu/domain-xml/model/devices/shared-memory.ts'
import type { Rng } from '../../qemu/domain-xml/model/devices/small-devices.ts'
import type { SmartCard } from '../../qemu/domain-xml/model/characters/smartcard.ts'
import type { Tpm } from '../../qemu/domain-xml/model/devices/tpm.ts'
import { interfaceReaches } from './card-reaches.ts'
import { layerReaches, secretReaches, serverReaches } from './disk-reaches.ts'
import { audioReaches, graphicsReaches } from './display-reaches.ts'
import { backendReaches, portReaches } from './port-reaches.ts'
import { type Reach, given, path } from './reach.ts'

/** Everything of the host that a QEMU for this domain uses because the XML names it. The choices of Stasis itself are not part of it. */
export function reachesOf(domain: Domain): readonly Reach[] {
  return [
    ...emulatorReach(domain),
    ...bootReaches(domain),
    ...domain.disks.flatMap(({ source, readonly, place }) =>
      source === undefined ? [] : layerReaches('disk', source, { write: !readonly, place }),
    ),
    ...domain.disks.flatMap(({ vhostUser, place }) =>
      given(vhostUser, (one) => path('socket of a disk', one.path, { write: true, place })),
    ),
    ...portReaches(domain),
    ...domain.interfaces.flatMap(interfaceReaches),
    ...domain.graphics.flatMap(graphicsReaches),
    ...domain.audios.flatMap(audioReaches),
    ...domain.smartCards.flatMap(smartCardReaches),
    ...domain.rngs.flatMap(rngReaches),
    ...domain.inputs.flatMap(({ source, place }) =>
      given(source?.path, (file) => path('input device of the host', file, { write: true, place })),
    ),
    ...domain.sharedMemories.flatMap(sharedMemoryReaches),
    ...domain.vsocks.flatMap(({ place }) => [
      path('sockets between guest and host', '/dev/vhost-vsock', { write: true, place }),
    ]),
    ...domain.pstores.flatMap(({ path: file, place }) => [
      path('pstore', file, { write: true, place }),
    ]),
    ...domain.tpms.flatMap(tpmReaches),
    ...extraArgumentReaches(domain),
    ...domain.hostDevices.flatMap(hostDeviceReaches),
    ...domain.sharedDirectories.map(sharedDirectoryReach),
    ...domain.memoryDevices.flatMap(({ path: file, place }) =>
      given(file, (one) => path('persistent memory', one, { write: true, place })),
    ),
    ...devicesOf(domain).flatMap(({ rom, place }) =>
      rom?.file === undefined ? [] : [path('option ROM', rom.file, { place })],
    ),
  ]
}

/** The recorded command line of a QEMU that another program started. */
export function commandReach(commandLine: readonly string[]): Reach {
  const place = 'the cookie of the image'
  const value = commandLine.join(' ')
  return { kind: 'command', use: 'command line', value, write: true, place }
}

function emulatorReach({ emulator }: Domain): readonly Reach[] {
  if (emulator === undefined) return []
  const place = '/domain/devices/emulator'
  return [{ kind: 'emulator', use: 'emulator', value: emulator, write: true, place }]
}

function bootReaches({ os, firmwareSettings }: Domain): readonly Reach[] {
  const { kernel, initrd, deviceTree, shim, loader, nvram } = os
  return [
    ...given(kernel, (file) => path('kernel', file, { place: '/domain/os/kernel' })),
    ...initialRamDisks(initrd).map((file) =>
      path('initial RAM disk', file, { place: '/domain/os/initrd' }),
    ),
    ...given(deviceTree, (file) => path('device tree', file, { place: '/domain/os/dtb' })),
    ...given(shim, (file) => path('shim', file, { place: '/domain/os/shim' })),
    ...os.acpiTables.map((table) => path('ACPI table', table.path, { place: '/domain/os/acpi' })),
    ...firmwareSettings.flatMap(({ file }) =>
      file === undefined
        ? []
        : [path('setting for the firmware', file, { place: '/domain/sysinfo' })],
    ),
    ...given(loader, (one) =>
      path('firmware', one.path, { write: !one.readonly, place: '/domain/os/loader' }),
    ),
    ...given(nvram?.path, (file) =>
      path('UEFI variable store', file, { write: true, place: '/domain/os/nvram' }),
    ),
    ...given(nvram?.template, (file) =>
      path('template of the UEFI variable store', file, { place: '/domain/os/nvram/@template' }),
    ),
  ]
}

/** For a kernel of the Multiboot kind QEMU takes a list: files between commas, each with its arguments (hw/i386/multiboot.c). */
function initialRamDisks(initrd: string | undefined): readonly string[] {
  if (initrd === undefined) return []
  const listed = initrd.split(',').map((one) => one.split(' ')[0] ?? '')
  return [...new Set([initrd, ...listed])].filter((one) => one !== '')
}

function rngReaches(rng: Rng): readonly Reach[] {
  const { backend, kind, file, place } = rng
  if (backend !== undefined) return backendReaches('source of random numbers', { backend, place })
  return kind === 'random' ? [path('source of random numbers', file, { place })] : []
}

function sharedMemoryReaches({ path: file, server, place }: SharedMemory): readonly Reach[] {
  const where = { write: true, place }
  if (server !== undefined) return [path('server of shared memory', server.path, where)]
  return [path('shared memory', file, where)]
}

function smartCardReaches(card: SmartCard): readonly Reach[] {
  const { place } = card
  switch (card.mode) {
    case 'passthrough':
      return backendReaches('smart card', card)
    case 'host':
      return [path('smart cards of the host', '/run/pcscd/pcscd.comm', { write: true, place })]
    case 'host-certificates':
      return [path('certificates', card.database, { place })]
  }
}

/** They may make QEMU do anything that it can. */
function extraArgumentReaches({ extraArguments }: Domain): readonly Reach[] {
  if (extraArguments.length === 0) return []
  const place = '/domain/qemu:commandline'
  const value = extraArguments.join(' ')
  return [{ kind: 'arguments', use: 'arguments for QEMU', value, write: true, place }]
}

function hostDeviceReaches({ source, readonly, place }: HostDevice): readonly Reach[] {
  const where = { write: !readonly, place }
  switch (source.type) {
    case 'pci':
      return [path('PCI device', `/sys/bus/pci/devices/${source.host}`, where)]
    case 'mdev':
      return [path('mediated device', `/sys/bus/mdev/devices/${source.uuid}`, where)]
    case 'scsi_host':
      return [path('SCSI target of the host', '/dev/vhost-scsi', where)]
    case 'scsi':
      return [path('SCSI device', `/sys/bus/scsi/devices/${source.at}`, where)]
    case 'iscsi': {
      const { auth } = source.network
      return [
        ...serverReaches('SCSI device', source.network, where),
        ...(auth === undefined ? [] : secretReaches(auth.secret, 'SCSI device', where)),
      ]
    }
    case 'usb': {
      const { at, kind } = source
      const number = (part: number): string => String(part).padStart(3, '0')
      // A kind of device may be anywhere on the buses.
      const device = at === undefined ? '' : `/${number(at.bus)}/${number(at.device)}`
      const what = at === undefined ? ` ${kind?.vendor}:${kind?.product}` : ''
      return [path(`USB device${what}`, `/dev/bus/usb${device}`, where)]
    }
  }
}

function sharedDirectoryReach({ source, readonly, place }: SharedDirectory): Reach {
  const where = { write: !readonly, place }
  if (source.type === '9p') return path('shared directory', source.directory, where)
  const { from } = source
  return 'socket' in from
    ? path('socket of virtiofsd', from.socket, where)
    : path('directory shared by virtiofsd', from.directory, where)
}

/** The emulator itself is one of this host: no XML names it. */
function tpmReaches({ backend, place }: Tpm): readonly Reach[] {
  const where = { write: true, place }
  switch (backend.type) {
    case 'emulator':
      return [
        ...given(backend.stateDirectory, (dir) => path('state of the TPM', dir, where)),
        ...(backend.secret === undefined ? [] : secretReaches(backend.secret, 'TPM', where)),
      ]
    case 'external':
      return [path('TPM socket of another program', backend.path, where)]
    case 'passthrough':
      return [path('TPM of the host', backend.path, where)]
  }
}

function devicesOf(domain: Domain): readonly Device[] {
  const { disks, controllers, interfaces, serials, channels, inputs, videos, sounds } = domain
  const { hubs, watchdogs, balloon, rngs, panics, redirectedDevices } = domain
  const small = [
    ...hubs,
    ...redirectedDevices,
    ...watchdogs,
    ...(balloon === undefined ? [] : [balloon]),
    ...panics,
  ]
  const cards = [...domain.hostDevices, ...interfaces, ...videos, ...sounds, ...inputs, ...rngs]
  return [...disks, ...controllers, ...serials, ...channels, ...cards, ...small]
}
