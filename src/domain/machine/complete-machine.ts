import type { DomainDocument } from '../../qemu/domain-xml/document.ts'
import { normaliseDomain } from '../../qemu/domain-xml/normalise.ts'
import { canonicalMachine } from '../../qemu/probe.ts'
import type { ProbedQemu } from '../../qemu/probed-qemu.ts'
import type { UefiFirmware } from './uefi.ts'

/** What the missing parts of a domain XML depend on, of this host. */
export interface MachineHost {
  readonly probed: ProbedQemu
  readonly uefi: UefiFirmware | undefined
  /** The directory for variable stores of domains whose XML has no path for them. */
  readonly nvramDirectory: string
  /** See `NormaliseOptions.existing`. */
  readonly existing?: boolean | undefined
}

/** Fills in the missing parts of a domain XML, for a QEMU of a host. @throws DomainXmlError */
export function completeMachine(document: DomainDocument, host: MachineHost): DomainDocument {
  return normaliseDomain(document, {
    machines: (name) => canonicalMachine(host.probed, name),
    emulator: host.probed.emulator,
    uefi: host.uefi,
    nvramDirectory: host.nvramDirectory,
    existing: host.existing,
  })
}
