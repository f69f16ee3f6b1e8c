import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  type HostSide,
  kindOfDevice,
  onOff,
  type ValueRule,
  valueWithoutEffect,
  whole,
  withoutEffect,
  yesNo,
} from './rule.ts'

/** Elements that any device may have: its own name, an address, a place in the boot order, an option ROM. */
export const deviceParts: Readonly<Record<string, ElementRule>> = {
  alias: attributes({ name: anyText }),
  address: attributes({
    type: kindOfDevice('pci', 'drive', 'virtio-serial', 'usb', 'isa', 'ccid', 'virtio-mmio'),
    domain: whole,
    bus: whole,
    slot: whole,
    function: whole,
    multifunction: onOff,
    controller: whole,
    target: whole,
    unit: whole,
    port: anyText,
    iobase: whole,
    irq: whole,
  }),
  acpi: attributes({ index: whole }),
}

/** `<boot order='1'/>` of a device. */
export const bootOrder: ElementRule = attributes({
  order: whole,
  loadparm: valueWithoutEffect('it exists only on s390'),
})

/** `<rom bar='off'/>` of a PCI device. */
export const rom: ElementRule = attributes({ bar: onOff, file: anyText, enabled: yesNo })

/** Attributes of the `<driver>` of any virtio device. */
export const virtioDriver: Readonly<Record<string, ValueRule>> = {
  iommu: onOff,
  ats: onOff,
  packed: onOff,
  page_per_vq: onOff,
}

/** `<iothreads>` of a `<driver>`: which threads serve which queues. */
export const iothreadMap: ElementRule = {
  children: {
    iothread: { attributes: { id: whole }, children: { queue: attributes({ id: whole }) } },
  },
}

/** The supported kinds of character device. */
export const characterKind: ValueRule = kindOfDevice(
  'null',
  'pty',
  'file',
  'unix',
  'tcp',
  'stdio',
  'vc',
  'udp',
  'dev',
  'pipe',
  'dbus',
  'spicevmc',
  'spiceport',
  'qemu-vdagent',
)

/** The host's side of a character device. */
export const characterSide: HostSide = {
  attribute: 'type',
  closed: 'null',
  parts: ['source', 'protocol', 'log'],
}

/** Elements of serial ports, consoles and channels that describe the host's side. */
export const characterParts: Readonly<Record<string, ElementRule>> = {
  ...deviceParts,
  source: {
    attributes: {
      path: anyText,
      append: onOff,
      mode: choice('bind', 'connect'),
      host: anyText,
      service: anyText,
      tls: yesNo,
      channel: anyText,
    },
    children: {
      clipboard: attributes({ copypaste: yesNo }),
      mouse: attributes({ mode: choice('client', 'server') }),
      reconnect: attributes({ enabled: yesNo, timeout: whole }),
      seclabel: withoutEffect('this program does not label files'),
    },
  },
  protocol: attributes({ type: choice('raw', 'telnet') }),
  log: attributes({ file: anyText, append: onOff }),
}

/** The reason for attributes that libvirt fills in while a domain runs. */
export const live: ValueRule = valueWithoutEffect('libvirt fills it in while the domain runs')

/** `<audio id='1'/>` of a device that plays or records sound: where the sound goes. */
export const audioReference: ElementRule = attributes({ id: whole })

/** Host-side limits that the guest does not see. */
export const hostLimit: ElementRule = withoutEffect('it limits the device on the host')
