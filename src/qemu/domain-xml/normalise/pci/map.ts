import type { Element } from '@xmldom/xmldom'
import { InternalError } from '../../../../errors.ts'
import { invalid, place } from '../../location.ts'
import type { PciAddress } from '../../model/buses/address.ts'
import { BUS_KINDS, type BusKind, acceptsExplicitly } from './bus.ts'
import type { Connection } from './connect.ts'

/** The number of bus numbers. */
const MAX_BUSES = 256

interface Bus {
  readonly model: string
  readonly kind: BusKind
  /** The owner of each function: `slot.function`. Machine parts without an element have `undefined`. */
  readonly taken: Map<string, Element | undefined>
  /** Slots whose functions are assigned one by one, as for root ports. */
  readonly shared: Set<number>
}

type Place = Pick<PciAddress, 'bus' | 'slot' | 'function'>

/**
 * The allocated PCI addresses of a domain. With `grow` it adds missing buses, so that a first pass finds out how many controllers the domain needs
 * (virDomainPCIAddressSet with `dryRun`, libvirt 9.0).
 */
export interface PciMap {
  readonly models: () => readonly string[]
  /** Records the address of a device; @throws DomainXmlError `XML_INVALID` when the device cannot be there. */
  readonly reserve: (place: Place, connection: Connection, device: Element) => void
  /** Records an address of the machine itself; `owner` is the element that describes this part, if the XML has one. */
  readonly reserveForMachine: (place: Place, owner?: Element) => void
  readonly slotIsFree: (bus: number, slot: number) => boolean
  /** Whether any bus has a free slot. */
  readonly hasRoom: () => boolean
  /** Finds and records a free address; the error message names `device`. */
  readonly take: (connection: Connection, device: Element, options?: TakeOptions) => Place
}

export interface TakeOptions {
  readonly function?: number | undefined
  /** A device of the chipset, which goes to bus 0 whatever that usually accepts. */
  readonly integrated?: boolean | undefined
}

/** A map of the buses with those controller models, by index. */
export function createPciMap(models: readonly string[], grow: boolean): PciMap {
  const buses = models.map(createBus)

  const reserve = (at: Place, connection: Connection, device: Element): void => {
    if (grow) growTo(buses, at.bus, connection, device)
    const bus = buses[at.bus]
    if (bus === undefined)
      throw invalid(device, `the domain has no PCI controller with index ${at.bus}`)
    if (!acceptsExplicitly(bus.kind, connection)) {
      throw invalid(
        device,
        `the ${bus.model} with index ${at.bus} does not accept a ${connection} device`,
      )
    }
    if (at.slot < bus.kind.firstSlot || at.slot > bus.kind.lastSlot) {
      throw invalid(
        device,
        `the ${bus.model} with index ${at.bus} has slots ${bus.kind.firstSlot} to ${bus.kind.lastSlot}`,
      )
    }
    const key = `${at.slot}.${at.function}`
    if (bus.taken.has(key)) {
      const other = bus.taken.get(key)
      const owner = other === undefined ? 'the machine itself' : place(other)
      throw invalid(device, `the PCI address ${addressText(at)} is already used by ${owner}`)
    }
    if (connection === 'root-port' && slotIsFree(bus, at.slot)) bus.shared.add(at.slot)
    bus.taken.set(key, device)
  }

  return {
    models: () => buses.map((bus) => bus.model),
    reserve,
    reserveForMachine: (at, owner) => {
      const taken = buses[at.bus]?.taken
      const other = taken?.get(`${at.slot}.${at.function}`)
      if (other !== undefined && other !== owner) {
        const part = owner === undefined ? 'the machine itself' : place(owner)
        throw invalid(other, `the PCI address ${addressText(at)} is already used by ${part}`)
      }
      taken?.set(`${at.slot}.${at.function}`, owner)
    },
    slotIsFree: (bus, slot) => {
      const found = buses[bus]
      return found !== undefined && slotIsFree(found, slot)
    },
    hasRoom: () => buses.some(hasFreeSlot),
    take: (connection, device, options = {}) => {
      const found = search(buses, connection, options)
      if (found !== undefined) {
        occupy(buses, found, connection, device)
        return found
      }
      if (!grow) throw invalid(device, 'no PCI slot is free for it')
      const added = growBy(buses, 1, connection, device)
      const bus = buses[added]
      if (bus === undefined) throw new InternalError('A PCI bus was not added')
      const at = { bus: added, slot: bus.kind.firstSlot, function: options.function ?? 0 }
      occupy(buses, at, connection, device)
      return at
    },
  }
}

function search(
  buses: readonly Bus[],
  connection: Connection,
  options: TakeOptions,
): Place | undefined {
  const wanted = options.function ?? 0
  const endpoint = connection === 'pci' || connection === 'pcie'
  for (const [index, bus] of buses.entries()) {
    const integrated = options.integrated === true
    if (integrated && index !== 0) return undefined
    if (
      integrated ? !acceptsExplicitly(bus.kind, connection) : !bus.kind.accepts.includes(connection)
    )
      continue
    if (endpoint && !bus.kind.automatic && !integrated) continue
    for (let slot = bus.kind.firstSlot; slot <= bus.kind.lastSlot; slot++) {
      if (slotIsFree(bus, slot)) return { bus: index, slot, function: wanted }
      if (connection !== 'root-port' || !bus.shared.has(slot)) continue
      for (let one = 0; one < 8; one++) {
        if (!bus.taken.has(`${slot}.${one}`)) return { bus: index, slot, function: one }
      }
    }
  }
  return undefined
}

function occupy(buses: readonly Bus[], at: Place, connection: Connection, device: Element): void {
  const bus = buses[at.bus]
  if (bus === undefined) throw new InternalError('A PCI bus is missing')
  if (connection === 'root-port' && slotIsFree(bus, at.slot)) bus.shared.add(at.slot)
  bus.taken.set(`${at.slot}.${at.function}`, device)
}

function growTo(buses: Bus[], index: number, connection: Connection, device: Element): void {
  const missing = index - buses.length + 1
  if (missing > 0) growBy(buses, missing, connection, device)
}

/**
 * Adds buses for such a device and returns the index of its bus. A PCI device on a machine that has only PCI Express needs two: a root port, and a
 * bridge on it.
 */
function growBy(buses: Bus[], count: number, connection: Connection, device: Element): number {
  if (buses.length + count > MAX_BUSES) throw invalid(device, 'the domain has too many PCI devices')
  const first = buses.length
  const target = first + count - 1
  if (connection === 'pci') {
    const bridged = buses.some((bus) => bus.kind.accepts.includes('pci-bridge'))
    const total = !bridged && count === 1 ? 2 : count
    if (!bridged) {
      const port = createBus('pcie-root-port')
      buses.push({ ...port, kind: { ...port.kind, accepts: ['pcie-to-pci-bridge'] } })
      buses.push(createBus('pcie-to-pci-bridge'))
    }
    while (buses.length < first + total) buses.push(createBus('pci-bridge'))
    return Math.max(target, first + total - 1)
  }
  if (
    connection === 'pcie' ||
    connection === 'upstream-port' ||
    connection === 'pcie-to-pci-bridge'
  ) {
    while (buses.length <= target) buses.push(createBus('pcie-root-port'))
    return target
  }
  throw invalid(device, `no slot is free for a ${connection}, and none can be added`)
}

function createBus(model: string): Bus {
  const kind = BUS_KINDS[model]
  if (kind === undefined) throw new InternalError(`The PCI controller "${model}" is not known`)
  return { model, kind, taken: new Map(), shared: new Set() }
}

function slotIsFree(bus: Bus, slot: number): boolean {
  for (let one = 0; one < 8; one++) if (bus.taken.has(`${slot}.${one}`)) return false
  return true
}

function hasFreeSlot(bus: Bus): boolean {
  for (let slot = bus.kind.firstSlot; slot <= bus.kind.lastSlot; slot++) {
    if (slotIsFree(bus, slot)) return true
  }
  return false
}

function addressText(at: Place): string {
  const hex = (number: number): string => number.toString(16).padStart(2, '0')
  return `0000:${hex(at.bus)}:${hex(at.slot)}.${at.function}`
}
