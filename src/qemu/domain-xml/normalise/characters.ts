import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole } from '../access.ts'
import type { Chipset } from '../chipset.ts'
import { invalid } from '../location.ts'
import { claim } from './disks.ts'
import { create, insertBefore, insertDevice, setDefault } from './edit.ts'

const MODELS: Readonly<Record<string, string>> = {
  'isa-serial': 'isa-serial',
  'pci-serial': 'pci-serial',
  'usb-serial': 'usb-serial',
  'isa-debug': 'isa-debugcon',
  'system-serial': 'pl011',
}

/** A machine has at most four serial ports of its own. */
const PORTS = 4

/** Fills in serial ports and consoles: the first console is the first serial port under another name. */
export function fillCharacterDevices(devices: Element, chipset: Chipset): void {
  const usual = chipset === 'virt' ? 'system-serial' : 'isa-serial'
  if (chipset === 'virt') renameIsaPorts(devices)
  twinSerialAndConsole(devices, usual)
  const serials = children(devices, 'serial')
  for (const serial of serials) fillSerial(serial, usual)
  numberPorts(serials.filter((one) => attribute(child(one, 'target'), 'type') === usual))
  children(devices, 'console').forEach((console, index) => fillConsole(console, index))
  fillParallels(children(devices, 'parallel'))
  for (const channel of children(devices, 'channel')) {
    makeListening(channel)
    nameAgent(channel)
  }
}

/** libvirt once called the ports of ARM's machines so, and still reads it (qemuDomainChrDefPostParse, 11.3). */
function renameIsaPorts(devices: Element): void {
  for (const serial of children(devices, 'serial')) {
    const target = child(serial, 'target')
    if (target === undefined || attribute(target, 'type') !== 'isa-serial') continue
    target.setAttribute('type', 'system-serial')
    const model = child(target, 'model')
    if (model !== undefined) target.removeChild(model)
  }
}

function twinSerialAndConsole(devices: Element, usual: string): void {
  const [console] = children(devices, 'console')
  const serials = children(devices, 'serial')
  const [serial] = serials
  const type = attribute(child(console, 'target'), 'type') ?? 'serial'
  if (console !== undefined && type === 'serial' && serial === undefined) {
    insertDevice(devices, twin(console, 'serial', { type: usual, port: 0 }))
  } else if (serial !== undefined && (console === undefined || type !== 'serial')) {
    const kind = attribute(child(serial, 'target'), 'type') ?? usual
    if (kind !== usual) return
    const made = twin(serial, 'console', { type: 'serial', port: 0 })
    if (console === undefined) insertDevice(devices, made)
    else devices.insertBefore(made, console)
  }
}

/** The same device under the other element's name: its host side, with its own target. */
function twin(
  element: Element,
  name: string,
  target: Readonly<Record<string, string | number>>,
): Element {
  const made = create(element, name)
  for (const one of element.attributes) {
    if (one.name === 'type') made.setAttribute(one.name, one.value)
  }
  for (const inner of children(element)) {
    if (['source', 'protocol', 'log'].includes(inner.nodeName)) {
      made.appendChild(inner.cloneNode(true))
    }
  }
  made.appendChild(create(element, 'target', target))
  return made
}

function fillSerial(serial: Element, usual: string): void {
  setDefault(serial, 'type', 'pty')
  makeListening(serial)
  const target = child(serial, 'target') ?? addTarget(serial)
  setDefault(target, 'type', usual)
  const model = MODELS[attribute(target, 'type') ?? '']
  if (child(target, 'model') === undefined && model !== undefined) {
    target.appendChild(create(target, 'model', { name: model }))
  }
}

function fillConsole(console: Element, index: number): void {
  setDefault(console, 'type', 'pty')
  makeListening(console)
  const target = child(console, 'target') ?? addTarget(console)
  setDefault(target, 'type', 'serial')
  setDefault(target, 'port', index)
  if (index > 0 && attribute(target, 'type') === 'serial') {
    throw invalid(console, 'only the first console can be a serial port')
  }
}

function fillParallels(parallels: readonly Element[]): void {
  parallels.forEach((parallel, index) => {
    setDefault(parallel, 'type', 'pty')
    makeListening(parallel)
    setDefault(child(parallel, 'target') ?? addTarget(parallel), 'port', index)
  })
}

/** The name of the port that SPICE's agent in the guest opens. */
function nameAgent(channel: Element): void {
  const target = child(channel, 'target')
  const type = attribute(channel, 'type')
  if (target === undefined || (type !== 'spicevmc' && type !== 'qemu-vdagent')) return
  if (attribute(target, 'type') === 'virtio') setDefault(target, 'name', 'com.redhat.spice.0')
}

/** For a unix socket without a path QEMU creates one and listens on it. */
function makeListening(element: Element): void {
  if (attribute(element, 'type') !== 'unix') return
  const source = child(element, 'source')
  if (source === undefined) {
    insertBefore(element, create(element, 'source', { mode: 'bind' }), () => true)
  } else setDefault(source, 'mode', 'bind')
}

function addTarget(element: Element): Element {
  const later = ['alias', 'address', 'acpi']
  return insertBefore(element, create(element, 'target'), (one) => later.includes(one.nodeName))
}

function numberPorts(serials: readonly Element[]): void {
  const taken = new Map<string, Element>()
  const port = (serial: Element): number | undefined => whole(child(serial, 'target'), 'port')
  for (const serial of serials) {
    const number = port(serial)
    if (number !== undefined) claim(taken, String(number), serial, 'the port')
  }
  for (const serial of serials) {
    if (port(serial) !== undefined) continue
    const free = Array.from({ length: PORTS }, (_, at) => at).find((at) => !taken.has(String(at)))
    if (free === undefined) throw invalid(serial, `a machine has only ${PORTS} serial ports`)
    child(serial, 'target')?.setAttribute('port', String(free))
    taken.set(String(free), serial)
  }
}
