import { readFile } from 'node:fs/promises'
import { QemuError } from '../../errors.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import { type TapDevice, openTap, openVhost } from '../../io/sockets/tap-device.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'

/** The tap devices of a machine, open until QEMU has inherited them. */
export class OpenTaps implements Disposable {
  /** By the position of the card. */
  readonly taps: ReadonlyMap<
    number,
    { readonly fds: readonly number[]; readonly vhostFds: readonly number[] }
  >

  private constructor(taps: OpenTaps['taps']) {
    this.taps = taps
  }

  /**
   * Makes a port of its bridge for each card on a bridge, as libvirt does, and an unconnected tap device for each card that is connected to nothing: an image
   * of a virtio card on a tap device loads only where there is one. Users other than root leave bridges to QEMU's setuid helper.
   * @throws QemuError QEMU_START_FAILED when a device cannot be made
   */
  static async open(domain: Domain): Promise<OpenTaps> {
    const taps = new OpenTaps(new Map())
    if (process.geteuid?.() !== 0) return taps
    try {
      for (const [index, card] of domain.interfaces.entries()) {
        if (card.type !== 'bridge' && card.type !== 'null') continue
        const opened = await openFor(card)
        const vhostFds = opened === undefined ? [] : vhostOf(card, domain, opened.fds.length)
        if (opened !== undefined) taps.#add(index, { fds: opened.fds, vhostFds })
      }
      return taps
    } catch (error) {
      taps[Symbol.dispose]()
      throw error
    }
  }

  #add(
    index: number,
    tap: { readonly fds: readonly number[]; readonly vhostFds: readonly number[] },
  ): void {
    ;(this.taps as Map<number, typeof tap>).set(index, tap)
  }

  [Symbol.dispose](): void {
    for (const { fds, vhostFds } of this.taps.values())
      for (const fd of [...fds, ...vhostFds]) closeDescriptor(fd)
  }
}

/** A card that is connected to nothing can do without: QEMU then has a hub for it. */
async function openFor(card: NetworkInterface): Promise<TapDevice | undefined> {
  const { type, bridge, mac, queues = 1, model } = card
  const named = card.targetDevice
  try {
    return openTap({
      // libvirt's own names are in images, and may belong to another guest now.
      name: named === undefined || /^(vnet|vif|macvt)/.test(named) ? 'stasis%d' : named,
      ...{ bridge, mac, queues, virtioHeader: model.startsWith('virtio') },
      mtu: card.mtu ?? (bridge === undefined ? undefined : await mtuOf(bridge)),
    })
  } catch (cause) {
    if (type === 'null') return undefined
    throw new QemuError(
      'QEMU_START_FAILED',
      `${card.place}: could not make a tap device on the bridge ${bridge}`,
      { operation: 'connect a network card', cause },
    )
  }
}

async function mtuOf(bridge: string): Promise<number | undefined> {
  const text = await readFile(`/sys/class/net/${bridge}/mtu`, 'latin1').catch(() => '')
  return Number.parseInt(text, 10) || undefined
}

/** As libvirt does: virtio cards of KVM guests use the kernel's accelerator where it can be opened, and others only if the XML says so. */
function vhostOf(
  { vhost, model, place }: NetworkInterface,
  { type }: Domain,
  queues: number,
): readonly number[] {
  if (!model.startsWith('virtio') || !(vhost ?? type === 'kvm')) return []
  try {
    return openVhost(queues)
  } catch (cause) {
    if (vhost !== true) return []
    const hint = "Load the module vhost_net, or use <driver name='qemu'/>"
    const facts = { operation: 'connect a network card', hint, cause }
    throw new QemuError('QEMU_LACKS_FEATURE', `${place}: /dev/vhost-net cannot be opened`, facts)
  }
}
