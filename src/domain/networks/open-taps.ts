import { QemuError } from '../../errors.ts'
import { openVhost } from '../../io/sockets/tap-device.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import type { EndCommand } from '../../qemu/process/end-command.ts'
import { type OpenTap, openBridgePort, openUnconnected } from './open-tap.ts'
import { openEthernet } from './open-ethernet.ts'
import { openDirect } from './open-direct.ts'
import { openSwitchPort } from './open-switch-port.ts'

/** The tap devices of a machine, open until QEMU has inherited them. */
export class OpenTaps implements Disposable {
  /** By the position of the card. */
  readonly taps: ReadonlyMap<
    number,
    { readonly fds: readonly number[]; readonly vhostFds: readonly number[] }
  >
  /** They run once QEMU has ended: it also inherits their descriptors. */
  readonly endCommands: readonly EndCommand[]

  private constructor(taps: OpenTaps['taps'], endCommands: readonly EndCommand[]) {
    this.taps = taps
    this.endCommands = endCommands
  }

  /**
   * Opens a tap device for each card that needs one: a port of its bridge or switch, or a macvtap, which are made, as libvirt does; a device that exists;
   * and an unconnected one for each card that is connected to nothing, because an image of a virtio card on a tap device loads only where there is one.
   * Users other than root leave bridges to QEMU's setuid helper.
   * @throws QemuError QEMU_START_FAILED when a device cannot be made, QEMU_LACKS_FEATURE; StorageError for a script
   */
  static async open(domain: Domain): Promise<OpenTaps> {
    const taps: Map<number, { fds: readonly number[]; vhostFds: readonly number[] }> = new Map()
    const endCommands: EndCommand[] = []
    const all = new OpenTaps(taps, endCommands)
    try {
      for (const [index, card] of domain.interfaces.entries()) {
        const opened = await openFor(card, domain)
        if (opened === undefined) continue
        endCommands.push(...opened.endCommands)
        taps.set(index, { fds: opened.fds, vhostFds: [] })
        taps.set(index, { fds: opened.fds, vhostFds: vhostOf(card, domain, opened.fds.length) })
      }
      return all
    } catch (error) {
      all[Symbol.dispose]()
      throw error
    }
  }

  [Symbol.dispose](): void {
    for (const { fds, vhostFds } of this.taps.values())
      for (const fd of [...fds, ...vhostFds]) closeDescriptor(fd)
    for (const command of this.endCommands) command[Symbol.dispose]()
  }
}

/** `undefined`: the card needs none, or QEMU opens it. */
async function openFor(card: NetworkInterface, domain: Domain): Promise<OpenTap | undefined> {
  const root = process.geteuid?.() === 0
  switch (card.type) {
    case 'ethernet':
      return openEthernet(card)
    case 'direct':
      return openDirect(card)
    case 'bridge':
      if (card.virtualPort !== undefined) return openSwitchPort(card, domain)
      return root ? openBridgePort(card) : undefined
    case 'null':
      return root ? openUnconnected(card) : undefined
    default:
      return undefined
  }
}

/** As libvirt does: virtio cards of KVM guests use the kernel's accelerator where it can be opened, and others only if the XML says so. */
export function wantsVhost(
  { vhost, model }: NetworkInterface,
  { type }: Pick<Domain, 'type'>,
): boolean {
  return model.startsWith('virtio') && (vhost ?? type === 'kvm')
}

function vhostOf(card: NetworkInterface, domain: Domain, queues: number): readonly number[] {
  const { vhost, devicePaths, place } = card
  if (!wantsVhost(card, domain)) return []
  const path = devicePaths.vhost ?? '/dev/vhost-net'
  try {
    return openVhost(queues, path)
  } catch (cause) {
    if (vhost !== true) return []
    const hint = "Load the module vhost_net, or use <driver name='qemu'/>"
    const facts = { operation: 'connect a network card', path, hint, cause }
    throw new QemuError('QEMU_LACKS_FEATURE', `${place}: ${path} cannot be opened`, facts)
  }
}
