import { QemuError } from '../../../errors.ts'
import type { CharacterBackend } from '../../domain-xml/model/characters/character.ts'
import type { Controller } from '../../domain-xml/model/buses/controller.ts'
import type { Disk } from '../../domain-xml/model/storage/disk.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { NetworkInterface } from '../../domain-xml/model/devices/interface.ts'
import { refuseImpossibleMemory, sharesMemory } from './impossible-memory.ts'
import { impossible } from './impossible-part.ts'
import { atLeast, type CommandLineOptions, versionText } from '../options.ts'
import { refuseOtherArchitectures } from './other-architectures.ts'
import type { Wiring } from '../buses/wiring.ts'

type QemuOptions = Pick<CommandLineOptions, 'qemuVersion'>

const MIB = 1024 * 1024

/** The most ports of the controllers nec-xhci and qemu-xhci (hw/usb/hcd-xhci.h). */
const XHCI_PORTS = 15

/** The fields of SCSI's standard inquiry data; longer texts would be cut. */
const PRODUCT_LENGTH = 16
const VENDOR_LENGTH = 8

/**
 * Refuses settings that the schema allows and no machine can have. QEMU would also refuse them, in words that name nothing of the XML, or would do something
 * else. libvirt refuses all of them.
 *
 * @throws DomainXmlError `XML_INVALID` with the place and what to do
 * @throws QemuError `QEMU_LACKS_FEATURE` when this QEMU is too old
 */
export function refuseImpossible(wiring: Wiring, options: QemuOptions): void {
  const { domain, chipset } = wiring
  refuseOtherArchitectures(wiring)
  refuseFeatures(domain, chipset, options)
  refuseProcessor(domain)
  refuseSysinfo(domain)
  refuseHostDevices(domain)
  refuseImpossibleMemory(domain)
  const { bootMenuTimeoutMs: timeout } = domain.os
  if (timeout !== undefined && timeout > 65535)
    throw impossible('/domain/os/bootmenu/@timeout', 'it must be at most 65535 milliseconds')
  for (const disk of domain.disks) refuseDisk(disk, options)
  for (const card of domain.interfaces) refuseInterface(card, domain)
  for (const controller of domain.controllers) refuseController(controller, domain)
  const ports = [...domain.serials, ...domain.parallels, ...domain.consoles, ...domain.channels]
  for (const { backend, place } of [...ports, ...domain.redirectedDevices])
    refuseBackend(backend, place)
  for (const { type, address, place } of domain.videos) {
    if (type === 'ramfb' && address !== undefined)
      throw impossible(`${place}/address`, '"ramfb" is on no bus: remove the address')
  }
}

function refuseFeatures(domain: Domain, chipset: string, options: QemuOptions): void {
  const { tsegBytes, ps2, vmport } = domain.features
  const tseg = '/domain/features/smm/tseg'
  if (tsegBytes !== undefined && chipset !== 'q35')
    throw impossible(tseg, 'it exists only on q35: remove it')
  if (tsegBytes !== undefined && tsegBytes % MIB !== 0)
    throw impossible(tseg, 'the size must be a multiple of 1 MiB')
  if (ps2 !== undefined && !atLeast(options.qemuVersion, 7, 0)) {
    throw new QemuError(
      'QEMU_LACKS_FEATURE',
      `/domain/features/ps2: QEMU ${versionText(options.qemuVersion)} cannot remove the PS/2 controller; QEMU 7.0 can`,
    )
  }
  if (ps2 !== false) return
  if (vmport === true)
    throw impossible('/domain/features/vmport', 'it needs the PS/2 controller: turn <ps2> on')
  const input = domain.inputs.find(({ bus }) => bus === 'ps2')
  if (input !== undefined)
    throw impossible(input.place, 'the machine has no PS/2 controller: turn <ps2> on, or use USB')
}

function refuseProcessor({ cpu }: Domain): void {
  if (cpu?.cache === 'passthrough' && !['host-passthrough', 'maximum'].includes(cpu.mode))
    throw impossible(
      '/domain/cpu/cache/@mode',
      'only the processor of the host has its caches: use mode="host-passthrough", or remove it',
    )
  if (cpu?.cache === 'passthrough' && cpu.cacheLevel !== undefined)
    throw impossible('/domain/cpu/cache/@level', 'the host has all of its caches: remove it')
  if (cpu?.maxPhysAddr?.mode === 'passthrough' && cpu.maxPhysAddr.bits !== undefined)
    throw impossible('/domain/cpu/maxphysaddr/@bits', 'the host has its own: use "limit"')
}

/** SMBIOS has dates as mm/dd/yy or mm/dd/yyyy. */
const DATE = /^(0?[1-9]|1[0-2])\/(0?[1-9]|[12]\d|3[01])\/(\d\d|\d{4})$/

function refuseSysinfo({ sysinfo }: Domain): void {
  const entries = sysinfo.flatMap(({ table, entries: all }) => (table === 'bios' ? all : []))
  const date = entries.find(({ name }) => name === 'date')?.value
  if (date !== undefined && !DATE.test(date))
    throw impossible('/domain/sysinfo/bios/entry', `"${date}" is not a date like 12/31/2020`)
}

function refuseHostDevices({ hostDevices, graphics }: Domain): void {
  const screen = hostDevices.find(({ display }) => display === true)
  if (screen !== undefined && graphics.length === 0)
    throw impossible(`${screen.place}/@display`, 'the domain has no <graphics> that could show it')
  const target = hostDevices.find(
    (one) => one.source.type === 'scsi_host' && one.bootOrder !== undefined,
  )
  if (target !== undefined)
    throw impossible(`${target.place}/boot`, 'no firmware boots from vhost-scsi: remove it')
  const [, second] = hostDevices.filter(({ ramfb }) => ramfb)
  if (second !== undefined)
    throw impossible(`${second.place}/@ramfb`, 'a machine has only one screen from its start')
}

function refuseDisk(disk: Disk, options: QemuOptions): void {
  const { bus, vendor, product, place, source } = disk
  if (disk.vhostUser !== undefined && (bus !== 'virtio' || disk.device !== 'disk'))
    throw impossible(place, 'a disk of type "vhostuser" must be a disk on the bus "virtio"')
  if (source?.type === 'network' && source.network.tls && source.network.protocol !== 'nbd')
    throw impossible(`${place}/source/@tls`, `only NBD has it; ${source.network.protocol} does not`)
  if (disk.transient && (source?.type !== 'file' || disk.device !== 'disk'))
    throw impossible(`${place}/transient`, 'only a disk of type "file" can be transient: remove it')
  if (vendor !== undefined && bus !== 'scsi')
    throw impossible(`${place}/vendor`, 'only SCSI disks have a vendor: remove it')
  if (vendor !== undefined && vendor.length > VENDOR_LENGTH)
    throw impossible(`${place}/vendor`, `it must have at most ${VENDOR_LENGTH} characters`)
  if (product !== undefined && !['scsi', 'ide', 'sata'].includes(bus))
    throw impossible(`${place}/product`, `disks on the bus "${bus}" have no product: remove it`)
  if (product !== undefined && product.length > PRODUCT_LENGTH)
    throw impossible(`${place}/product`, `it must have at most ${PRODUCT_LENGTH} characters`)
  if (disk.shareable && !disk.readonly && source !== undefined && source.format !== 'raw') {
    throw impossible(
      `${place}/shareable`,
      `two guests that write to one ${source.format} image destroy it: use a raw image, or <readonly/>`,
    )
  }
  // It went from virtio disks with QEMU 9.1 (docs/about/removed-features.rst).
  if (disk.device === 'lun' && bus !== 'scsi' && atLeast(options.qemuVersion, 9, 1))
    throw impossible(
      place,
      'QEMU 9.1 and newer pass on commands of the guest on the bus "scsi" only',
    )
  refuseNewerSource(disk, options)
  if (bus === 'usb' && source === undefined)
    throw impossible(place, 'a USB disk cannot be empty: give it a source, or another bus')
}

/** Properties that no older QEMU has (qapi/block-core.json). */
function refuseNewerSource({ source, place }: Disk, { qemuVersion }: QemuOptions): void {
  const { format, engine, secrets = [] } = source?.encryption ?? {}
  const lacks = (part: string, what: string, major: number, hint?: string): QemuError =>
    new QemuError(
      'QEMU_LACKS_FEATURE',
      `${place}/source/${part}: QEMU ${versionText(qemuVersion)} ${what}; QEMU ${major}.0 does`,
      { hint },
    )
  if (engine === 'librbd' && format === 'luks-any' && !atLeast(qemuVersion, 8, 0)) {
    const what = 'does not find out the format of the encryption'
    throw lacks('encryption', what, 8, 'Use format="luks" or "luks2"')
  }
  if (secrets.length > 1 && !atLeast(qemuVersion, 8, 0))
    throw lacks('encryption', 'does not know several layers of encryption', 8)
  const name = source?.type === 'network' ? source.network.tlsHostName : undefined
  if (name !== undefined && !atLeast(qemuVersion, 7, 0))
    throw lacks('@tlsHostname', 'does not compare another name with a certificate', 7)
}

function refuseInterface(card: NetworkInterface, domain: Domain): void {
  const { type, model, passt, devicePaths, rxQueueSize, txQueueSize, place } = card
  if (type === 'vhostuser' && devicePaths.tap !== undefined)
    throw impossible(`${place}/backend/@tap`, 'the card has no tap device: remove it')
  if (card.failover && !model.startsWith('virtio'))
    throw impossible(`${place}/teaming`, 'only a virtio card can hand over to another card')
  if ((type === 'vhostuser' || type === 'vdpa') && !model.startsWith('virtio'))
    throw impossible(`${place}/model`, `a card of type "${type}" must be a virtio card`)
  if (type === 'vhostuser' && passt !== undefined && !sharesMemory(domain))
    throw impossible(
      place,
      "passt needs the guest's memory: add <memoryBacking><access mode='shared'/></memoryBacking>",
    )
  const sizes = { rx_queue_size: rxQueueSize, tx_queue_size: txQueueSize }
  for (const [name, size] of Object.entries(sizes)) {
    if (size !== undefined && !Number.isInteger(Math.log2(size)))
      throw impossible(`${place}/driver/@${name}`, `${size} is not a power of two, such as 512`)
  }
}

function refuseController(controller: Controller, { numa }: Domain): void {
  const { model, index, ports, numaNode, place } = controller
  const xhci = model === 'qemu-xhci' || model === 'nec-xhci'
  if (xhci && ports !== undefined && ports > XHCI_PORTS)
    throw impossible(`${place}/@ports`, `"${model}" has at most ${XHCI_PORTS} ports`)
  if ((model === 'pci-root' || model === 'pcie-root') && index !== 0)
    throw impossible(`${place}/@index`, `the controller "${model}" must have the index 0`)
  if (numaNode !== undefined && !numa.some(({ id }) => id === numaNode)) {
    throw impossible(
      `${place}/target/node`,
      `the domain has no NUMA cell ${numaNode}: add it to <cpu><numa>`,
    )
  }
  if (controller.iothread !== undefined && controller.type !== 'scsi')
    throw impossible(`${place}/driver/@iothread`, 'only virtio SCSI controllers have an I/O thread')
}

function refuseBackend({ mode, type, reconnectSeconds }: CharacterBackend, place: string): void {
  const listens = mode === 'bind' && (type === 'unix' || type === 'tcp')
  if (listens && reconnectSeconds !== undefined)
    throw impossible(
      `${place}/source/reconnect`,
      'a socket that waits for connections cannot reconnect: remove it, or use mode="connect"',
    )
}
