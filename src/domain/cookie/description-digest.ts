import { createHash } from 'node:crypto'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { attachedProvenance } from './provenance.ts'

/** A SHA-256 of all that a description makes this host do: its XML, and the recorded command line of a QEMU that Stasis did not start. */
export function descriptionDigest({ xml, cookie }: MachineDescription): string {
  const attached = attachedProvenance(cookie)
  const command =
    attached === undefined ? undefined : [attached.commandLine, attached.attached?.cwd]
  return createHash('sha256')
    .update(JSON.stringify([xml, command]))
    .digest('hex')
}
