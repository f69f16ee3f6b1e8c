import { command } from '../support/stasis-command.ts'
import { join } from 'node:path'
import type { Bed } from './bed.ts'
import type { Ledger } from './ledger.ts'

/** The state directory that all nodes of the bed share. */
export function sharedState(bed: Bed): string {
  return join(bed.shared, 'state')
}

/** How a guest is written as a resource of the cluster. */
export type ResourceOf = (
  bed: Bed,
  guest: Ledger,
  parameters?: Readonly<Record<string, string>>,
) => string

/** A guest as `ocf:stasis:Domain`. */
export const domainResource: ResourceOf = (bed, guest, parameters = {}) =>
  primitive('stasis', 'Domain', guest.name, {
    config: guest.config,
    state_dir: sharedState(bed),
    stasis: command,
    ...parameters,
  })

/** A guest as `ocf:heartbeat:VirtualDomain`, which saves it by libvirt into a folder. */
export const virtualDomainResource: ResourceOf = (bed, guest, parameters = {}) =>
  primitive('heartbeat', 'VirtualDomain', guest.name, {
    config: guest.config,
    hypervisor: 'qemu:///system',
    snapshot: join(bed.shared, 'snapshots'),
    ...parameters,
  })

/** Its time limits are for a busy machine. */
function primitive(
  provider: string,
  type: string,
  id: string,
  parameters: Readonly<Record<string, string>>,
): string {
  const pairs = Object.entries(parameters).map(
    ([name, value]) => `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`,
  )
  return `<primitive id="${id}" class="ocf" provider="${provider}" type="${type}">
<instance_attributes id="${id}-attributes">${pairs.join('')}</instance_attributes>
<meta_attributes id="${id}-meta"><nvpair id="${id}-sticky" name="resource-stickiness" value="100"/></meta_attributes>
<operations>
<op id="${id}-start" name="start" interval="0s" timeout="180s"/>
<op id="${id}-stop" name="stop" interval="0s" timeout="180s"/>
<op id="${id}-monitor" name="monitor" interval="5s" timeout="60s"/>
</operations></primitive>`
}
