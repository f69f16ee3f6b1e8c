import { join } from 'node:path'
import type { Bed } from './bed.ts'
import type { Ledger } from './ledger.ts'

const command = join(import.meta.dirname, '../../bin/stasis')

/** The state directory that all nodes of the bed share. */
export function sharedState(bed: Bed): string {
  return join(bed.shared, 'state')
}

/** A guest as a resource of the cluster: `ocf:stasis:Domain`. Its time limits are for a busy machine. */
export function domainResource(
  bed: Bed,
  guest: Ledger,
  parameters: Readonly<Record<string, string>> = {},
): string {
  const id = guest.name
  const all = {
    config: guest.config,
    state_dir: sharedState(bed),
    stasis: command,
    ...parameters,
  }
  const pairs = Object.entries(all).map(
    ([name, value]) => `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`,
  )
  return `<primitive id="${id}" class="ocf" provider="stasis" type="Domain">
<instance_attributes id="${id}-attributes">${pairs.join('')}</instance_attributes>
<meta_attributes id="${id}-meta"><nvpair id="${id}-sticky" name="resource-stickiness" value="100"/></meta_attributes>
<operations>
<op id="${id}-start" name="start" interval="0s" timeout="180s"/>
<op id="${id}-stop" name="stop" interval="0s" timeout="180s"/>
<op id="${id}-monitor" name="monitor" interval="5s" timeout="60s"/>
</operations></primitive>`
}
