import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { QemuError } from '../../errors.ts'
import {
  addToBridge,
  bringUp,
  setHardwareAddress,
  setMtu,
} from '../../io/sockets/network-device.ts'
import { type TapRequest, openTap } from '../../io/sockets/tap-device.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import type { EndCommand } from '../../qemu/process/end-command.ts'

/** The tap device of a card, open. */
export interface OpenTap {
  /** One for each queue. */
  readonly fds: readonly number[]
  /** What removes its traces once QEMU has ended. */
  readonly endCommands: readonly EndCommand[]
}

/** Makes a port of the card's bridge of Linux. @throws QemuError QEMU_START_FAILED */
export async function openBridgePort(card: NetworkInterface): Promise<OpenTap> {
  const { bridge = '' } = card
  const mtu = await mtuFor(card, bridge)
  return attempt(card, `make a tap device on the bridge ${bridge}`, () =>
    makeTap(card, nameFor(card, 'stasis%d'), (name) => {
      configure(name, card, mtu)
      addToBridge(name, bridge)
      bringUp(name)
    }),
  )
}

/** Makes a tap device that nothing is connected to. A card can do without: QEMU then has a hub for it. */
export function openUnconnected(card: NetworkInterface): OpenTap | undefined {
  try {
    return makeTap(card, 'stasis%d', (name) => configure(name, card, card.mtu))
  } catch {
    return undefined
  }
}

/** Makes a tap device and sets it up. @throws SystemCallError, and Node's errors for /dev/net/tun */
export function makeTap(
  card: NetworkInterface,
  name: string,
  setUp: (name: string) => void,
): OpenTap & { readonly name: string } {
  const tap = openTap(tapRequest(card, name))
  try {
    setUp(tap.name)
    return { ...tap, endCommands: [] }
  } catch (error) {
    for (const fd of tap.fds) closeDescriptor(fd)
    throw error
  }
}

/** How a card needs its tap device to be opened. */
export function tapRequest(card: NetworkInterface, name: string): TapRequest {
  const { queues = 1, model, devicePaths } = card
  return { name, queues, virtioHeader: model.startsWith('virtio'), path: devicePaths.tap }
}

/** The name that the XML gives to the device, or else `usual`. libvirt's own names are in images, and may belong to another guest now. */
export function nameFor({ targetDevice }: NetworkInterface, usual: string): string {
  return targetDevice === undefined || /^(vnet|vif|macvt|stasis\d)/.test(targetDevice)
    ? usual
    : targetDevice
}

/** A name that no other device ever has: whatever removes a device by its name must not remove that of the next guest. As long as Linux allows. */
export function uniqueName(): string {
  return `stasis${randomInt(1e8, 1e9)}`
}

/** Gives a tap device its address and MTU. @throws SystemCallError */
export function configure(name: string, { mac }: NetworkInterface, mtu: number | undefined): void {
  // As libvirt does: a bridge takes the lowest address of its ports, and must not change it for a guest's.
  if (mac !== undefined) setHardwareAddress(name, `fe${mac.slice(2)}`)
  if (mtu !== undefined) setMtu(name, mtu)
}

/** The MTU for the tap device of a card: its own, or that of the bridge. */
export async function mtuFor(
  { mtu }: NetworkInterface,
  bridge: string,
): Promise<number | undefined> {
  if (mtu !== undefined) return mtu
  const text = await readFile(`/sys/class/net/${bridge}/mtu`, 'latin1').catch(() => '')
  return Number.parseInt(text, 10) || undefined
}

/** @throws QemuError QEMU_START_FAILED when `act` throws */
export function attempt<Result>(card: NetworkInterface, what: string, act: () => Result): Result {
  try {
    return act()
  } catch (cause) {
    throw new QemuError('QEMU_START_FAILED', `${card.place}: could not ${what}`, {
      operation: 'connect a network card',
      cause,
    })
  }
}
