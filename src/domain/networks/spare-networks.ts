import { spareNetworkId } from '../../qemu/command-line/devices/interfaces.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { NetworkInterface } from '../../qemu/domain-xml/model/devices/interface.ts'
import type { QmpConnection } from '../../qmp/connection.ts'

/**
 * How many user networks without a card a QEMU needs so that the image loads. The stream has a part for each user network of the saved machine (`slirp`),
 * and QEMU refuses a part that it has nothing for. A card on passt has none, unless an earlier Stasis saved it, which had QEMU's own network in its place.
 */
export function spareUserNetworks(saved: Domain, { interfaces }: Domain): number {
  const before = saved.interfaces.filter(({ type }) => type === 'user')
  const now = interfaces.filter(({ type, passt }) => type === 'user' && passt === undefined)
  return Math.max(0, before.length - now.length)
}

/** Removes them once the machine is loaded: an image of it then has no such part. @throws QemuError */
export async function removeSpareNetworks(control: QmpConnection, count: number): Promise<void> {
  for (let at = 0; at < count; at++)
    await control.executeAny('netdev_del', { id: spareNetworkId(at) })
}

/**
 * What to do when an image does not load although its devices are there; `undefined`: nothing is known. A virtio card of a tap device exchanges headers with it
 * that no user network has, and QEMU loads it only where there is a tap device again (hw/net/virtio-net.c, `virtio_net_vnet_post_load`).
 */
export function networkHint(saved: Domain, { interfaces }: Domain): string | undefined {
  const changed = interfaces.find((card, index) => {
    const before = saved.interfaces[index]
    return card.type === 'user' && card.model.startsWith('virtio') && isOnTap(before)
  })
  if (changed === undefined) return undefined
  return `${changed.place} is on a user network now. If it was on a tap device when it was saved, connect it to one: --network NAME=bridge:BRIDGE or tap:DEVICE`
}

function isOnTap(card: NetworkInterface | undefined): boolean {
  return card !== undefined && card.type !== 'user' && card.type !== 'null'
}
