import type { Connection } from './connect.ts'

/** The devices that a bus behind a PCI controller accepts, and their places: after virDomainPCIAddressBusSetModel (libvirt 9.0). */
export interface BusKind {
  readonly accepts: readonly Connection[]
  /** Whether devices without an address are placed there. */
  readonly automatic: boolean
  readonly firstSlot: number
  readonly lastSlot: number
}

const LAST_SLOT = 31

/** The kinds of bus by the model of their controller. */
export const BUS_KINDS: Readonly<Record<string, BusKind>> = {
  'pci-root': slots(['pci', 'pci-bridge', 'pci-expander'], 1),
  'pci-bridge': slots(['pci', 'pci-bridge'], 1),
  'pcie-to-pci-bridge': slots(['pci', 'pci-bridge'], 1),
  'pci-expander-bus': slots(['pci', 'pci-bridge'], 0),
  'pcie-root': {
    ...slots(['pcie', 'root-port', 'dmi-to-pci-bridge', 'pcie-expander'], 1),
    automatic: false,
  },
  'dmi-to-pci-bridge': { ...slots(['pci', 'pci-bridge'], 0), automatic: false },
  'pcie-root-port': port(),
  'pcie-switch-downstream-port': port(),
  'pcie-switch-upstream-port': { ...slots(['downstream-port'], 0), automatic: false },
  'pcie-expander-bus': { ...slots(['root-port', 'dmi-to-pci-bridge'], 0), automatic: false },
}

function slots(accepts: readonly Connection[], firstSlot: number): BusKind {
  return { accepts, automatic: true, firstSlot, lastSlot: LAST_SLOT }
}

function port(): BusKind {
  return {
    accepts: ['pcie', 'upstream-port', 'pcie-to-pci-bridge'],
    automatic: true,
    firstSlot: 0,
    lastSlot: 0,
  }
}

/** Devices with an explicit address may mix the two kinds of slot, and a bridge may go where a PCI device may. */
export function acceptsExplicitly(kind: BusKind, connection: Connection): boolean {
  if (kind.accepts.includes(connection)) return true
  const endpoints = kind.accepts.includes('pci') || kind.accepts.includes('pcie')
  return endpoints && (connection === 'pci' || connection === 'pcie' || connection === 'pci-bridge')
}
