import { createHash } from 'node:crypto'
import { type Guest, guestPaths } from './guests.ts'

/** Where the first serial port of the guest goes. */
export type Serial =
  | { readonly type: 'file'; readonly path: string }
  /** QEMU listens; `GuestConsole.connect(path)` reads and writes. */
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'pty' }

/** The domain that `domainXml()` describes. */
export interface DomainXmlOptions {
  readonly name: string
  readonly guest: Guest
  readonly emulator: string
  readonly serial: Serial
  /** Such as `pc-q35-7.2` or `pc-i440fx-10.0`, or the aliases `q35` (the default) and `pc`. */
  readonly machine?: string
  /** Default 128 for `linux`, 16 for `tiny`. */
  readonly memoryMib?: number
  readonly vcpus?: number
  readonly type?: 'qemu' | 'kvm'
  /** The guest's own raw disk, as `vda`. Without it `tiny` boots the shared disk, read-only, and `linux` has none. */
  readonly diskPath?: string
  /** Whether it has a virtio network card on user networking. Default true. */
  readonly network?: boolean
}

/** Domain XML as libvirt 11.3 writes it for an ordinary q35 or pc guest, with all PCI addresses. */
export function domainXml(options: DomainXmlOptions): string {
  const { name, guest, emulator, machine = 'q35', vcpus = 1, type = 'qemu' } = options
  const { memoryMib = guest === 'linux' ? 128 : 16, network = true } = options
  const bus = machine === 'q35' || machine.includes('-q35-') ? q35 : pc
  const kib = memoryMib * 1024
  return `<domain type='${type}'>
  <name>${escape(name)}</name>
  <uuid>${uuidOf(name)}</uuid>
  <memory unit='KiB'>${kib}</memory>
  <currentMemory unit='KiB'>${kib}</currentMemory>
  <vcpu placement='static'>${vcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='${escape(machine)}'>hvm</type>
${guest === 'linux' ? kernelXml() : ''}    <boot dev='hd'/>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
${type === 'kvm' ? HOST_CPU : PLAIN_CPU}
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>${escape(emulator)}</emulator>
${diskXml(options, bus)}${bus.controllers}${network ? networkXml(bus) : ''}${serialXml(options.serial)}    <input type='mouse' bus='ps2'/>
    <input type='keyboard' bus='ps2'/>
    <audio id='1' type='none'/>
${bus.watchdog}    <memballoon model='virtio'>
      ${bus.balloon}
    </memballoon>
    <rng model='virtio'>
      <backend model='random'>/dev/urandom</backend>
      ${bus.rng}
    </rng>
  </devices>
</domain>
`
}

const PLAIN_CPU = `  <cpu mode='custom' match='exact' check='none'>
    <model fallback='forbid'>qemu64</model>
  </cpu>`
const HOST_CPU = `  <cpu mode='host-passthrough' check='none' migratable='on'/>`

function kernelXml(): string {
  const { kernel, initrd, cmdline } = guestPaths()
  return `    <kernel>${escape(kernel)}</kernel>
    <initrd>${escape(initrd)}</initrd>
    <cmdline>${escape(cmdline)}</cmdline>
`
}

function diskXml({ guest, diskPath }: DomainXmlOptions, bus: Bus): string {
  if (diskPath === undefined && guest === 'linux') return ''
  return `    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='${escape(diskPath ?? guestPaths().tinyDisk)}'/>
      <target dev='vda' bus='virtio'/>
${diskPath === undefined ? '      <readonly/>\n' : ''}      ${bus.disk}
    </disk>
`
}

function networkXml(bus: Bus): string {
  return `    <interface type='user'>
      <mac address='52:54:00:12:34:57'/>
      <model type='virtio'/>
      ${bus.network}
    </interface>
`
}

function serialXml(serial: Serial): string {
  const source =
    serial.type === 'pty'
      ? ''
      : serial.type === 'file'
        ? `      <source path='${escape(serial.path)}' append='on'/>\n`
        : `      <source mode='bind' path='${escape(serial.path)}'/>\n`
  return `    <serial type='${serial.type}'>
${source}      <target type='isa-serial' port='0'>
        <model name='isa-serial'/>
      </target>
    </serial>
    <console type='${serial.type}'>
${source}      <target type='serial' port='0'/>
    </console>
`
}

/** The difference between the two machines: the controllers and the addresses of devices. */
interface Bus {
  readonly controllers: string
  readonly disk: string
  readonly network: string
  readonly balloon: string
  readonly rng: string
  readonly watchdog: string
}

function address(bus: number, slot: number, rest = "function='0x0'"): string {
  const hex = (n: number): string => `0x${n.toString(16).padStart(2, '0')}`
  return `<address type='pci' domain='0x0000' bus='${hex(bus)}' slot='${hex(slot)}' ${rest}/>`
}

function rootPort(index: number): string {
  const last = index === 1 ? "function='0x0' multifunction='on'" : `function='0x${index - 1}'`
  return `    <controller type='pci' index='${index}' model='pcie-root-port'>
      <model name='pcie-root-port'/>
      <target chassis='${index}' port='0x${(index + 7).toString(16)}'/>
      ${address(0, 1, last)}
    </controller>
`
}

const NO_USB = `    <controller type='usb' index='0' model='none'/>\n`

const q35: Bus = {
  controllers: `${NO_USB}    <controller type='sata' index='0'>
      ${address(0, 0x1f, "function='0x2'")}
    </controller>
    <controller type='pci' index='0' model='pcie-root'/>
${[1, 2, 3, 4, 5].map(rootPort).join('')}`,
  network: address(1, 0),
  disk: address(2, 0),
  balloon: address(3, 0),
  rng: address(4, 0),
  watchdog: `    <watchdog model='itco' action='reset'/>\n`,
}

const pc: Bus = {
  controllers: `${NO_USB}    <controller type='pci' index='0' model='pci-root'/>\n`,
  network: address(0, 2),
  disk: address(0, 3),
  balloon: address(0, 4),
  rng: address(0, 5),
  watchdog: '',
}

/** The same name has the same UUID in every run. */
function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll("'", '&apos;')
}
