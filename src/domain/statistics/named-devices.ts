import { attribute, child } from '../../qemu/domain-xml/access.ts'
import { aliasOf } from '../../qemu/domain-xml/live/aliases.ts'
import { WITHOUT_TAP } from '../../qemu/domain-xml/live/host-sides.ts'
import { tapDevicesOf } from '../../qemu/process/tap-devices.ts'
import { namedDevices, sourceOf } from '../status/devices.ts'

/** A disk of a domain, and the name of its device in QEMU. */
export interface NamedDisk {
  readonly target: string
  readonly source: string | undefined
  readonly alias: string | undefined
  readonly isFile: boolean
}

/** A network card of a domain, and its device on the host if it has one. */
export interface NamedCard {
  readonly mac: string | undefined
  readonly alias: string | undefined
  /** The tap device. */
  readonly device: string | undefined
}

/** The disks in the XML of a domain. @throws DomainXmlError */
export function namedDisks(xml: string): readonly NamedDisk[] {
  return namedDevices(xml, 'disk').map((disk) => {
    return {
      target: attribute(child(disk, 'target'), 'dev') ?? '',
      source: sourceOf(disk),
      alias: aliasOf(disk),
      isFile: ['file', 'block'].includes(attribute(disk, 'type') ?? 'file'),
    }
  })
}

/** The network cards in the XML of a domain, with the tap devices of its QEMU in the same order. @throws DomainXmlError */
export async function namedCards(
  xml: string,
  pid: number | undefined,
): Promise<readonly NamedCard[]> {
  const taps = pid === undefined ? [] : [...(await tapDevicesOf(pid))]
  return namedDevices(xml, 'interface').map((card) => {
    const named = attribute(child(card, 'target'), 'dev')
    const onTap = !WITHOUT_TAP.includes(attribute(card, 'type') ?? '')
    const device = onTap ? (taps.shift() ?? named) : undefined
    return { mac: attribute(child(card, 'mac'), 'address'), alias: aliasOf(card), device }
  })
}
