import { interfaceIds } from '../../qemu/command-line/devices/interfaces.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { QmpConnection } from '../../qmp/connection.ts'

/** Takes down the links of the network cards whose link is down in the XML: QEMU starts every machine with links that are up. @throws QemuError */
export async function takeLinksDown(
  control: QmpConnection,
  { interfaces }: Pick<Domain, 'interfaces'>,
): Promise<void> {
  const ids = interfaceIds({ interfaces })
  for (const card of interfaces) {
    if (card.linkUp) continue
    await control.executeAny('set_link', { name: ids.get(card), up: false })
  }
}

/** The cards of a domain that are connected to nothing. An image says that their link was up. */
export function unconnected({ interfaces }: Domain): Pick<Domain, 'interfaces'> {
  return {
    interfaces: interfaces.map((card) => (card.type === 'null' ? card : { ...card, linkUp: true })),
  }
}
