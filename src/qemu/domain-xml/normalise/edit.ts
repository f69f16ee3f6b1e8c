import type { Element } from '@xmldom/xmldom'
import { children } from '../access.ts'
import { InternalError } from '../../../errors.ts'

/** libvirt's order of the children of `<domain>` (virDomainDefFormat, libvirt 11.3). */
const TOP_LEVEL = [
  'name',
  'uuid',
  'genid',
  'title',
  'description',
  'metadata',
  'maxMemory',
  'memory',
  'currentMemory',
  'blkiotune',
  'memtune',
  'memoryBacking',
  'vcpu',
  'vcpus',
  'iothreads',
  'iothreadids',
  'defaultiothread',
  'cputune',
  'numatune',
  'resource',
  'sysinfo',
  'os',
  'idmap',
  'features',
  'cpu',
  'clock',
  'on_poweroff',
  'on_reboot',
  'on_crash',
  'on_lockfailure',
  'pm',
  'perf',
  'devices',
  'seclabel',
]

/** libvirt's order of the children of `<devices>` (virDomainDefFormatDevices, libvirt 11.3). */
const DEVICES = [
  'emulator',
  'disk',
  'controller',
  'lease',
  'filesystem',
  'interface',
  'smartcard',
  'serial',
  'parallel',
  'console',
  'channel',
  'input',
  'tpm',
  'graphics',
  'audio',
  'sound',
  'video',
  'hostdev',
  'redirdev',
  'redirfilter',
  'hub',
  'watchdog',
  'memballoon',
  'rng',
  'nvram',
  'panic',
  'shmem',
  'memory',
  'iommu',
  'vsock',
]

type Attributes = Readonly<Record<string, string | number | undefined>>

/** A new element of the same document; attributes that are `undefined` are omitted. */
export function create(
  near: Element,
  name: string,
  attributes: Attributes = {},
  content: string | readonly Element[] = [],
): Element {
  const document = near.ownerDocument
  if (document === null) throw new InternalError('An element has no document')
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(key, String(value))
  }
  if (typeof content === 'string') element.appendChild(document.createTextNode(content))
  else for (const inner of content) element.appendChild(inner)
  return element
}

/** Sets an attribute that is not set. */
export function setDefault(element: Element, name: string, value: string | number): void {
  if (!element.hasAttribute(name)) element.setAttribute(name, String(value))
}

/** Inserts a child of `<domain>` in libvirt's order. */
export function insertTopLevel(root: Element, element: Element): Element {
  return insertOrdered(root, element, TOP_LEVEL)
}

/** Inserts a device in libvirt's order: after the last device that does not come later. */
export function insertDevice(devices: Element, element: Element): Element {
  return insertOrdered(devices, element, DEVICES)
}

/** Inserts an element before the first sibling for which `comesAfter` is true, or else at the end. */
export function insertBefore(
  parent: Element,
  element: Element,
  comesAfter: (sibling: Element) => boolean,
): Element {
  const next = children(parent).find(comesAfter)
  parent.insertBefore(element, next ?? null)
  return element
}

function insertOrdered(parent: Element, element: Element, order: readonly string[]): Element {
  const rank = (one: Element): number => {
    const at = order.indexOf(one.nodeName)
    return at < 0 ? order.length : at
  }
  const own = rank(element)
  const last = children(parent).findLast((sibling) => rank(sibling) <= own)
  parent.insertBefore(element, last === undefined ? parent.firstChild : last.nextSibling)
  return element
}
