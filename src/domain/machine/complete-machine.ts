import type { Firmware } from '../../qemu/domain-xml/firmware.ts'
import type { DomainDocument } from '../../qemu/domain-xml/document.ts'
import { normaliseDomain } from '../../qemu/domain-xml/normalise.ts'
import { canonicalMachine } from '../../qemu/probe/probe.ts'
import type { ProbedQemu } from '../../qemu/probe/probed-qemu.ts'

/** The facts of this host on which the missing parts of a domain XML depend. */
export interface MachineHost {
  readonly probed: ProbedQemu
  /** Its firmware, in the order of preference. */
  readonly firmware: readonly Firmware[]
  /** The directory for variable stores of domains whose XML has no path for them. */
  readonly nvramDirectory: string
  /** See `NormaliseOptions.existing`. */
  readonly existing?: boolean | undefined
  /** See `NormaliseOptions.fromImage`. */
  readonly fromImage?: boolean | undefined
}

/** Fills in the missing parts of a domain XML, for a QEMU of a host. @throws DomainXmlError */
export function completeMachine(document: DomainDocument, host: MachineHost): DomainDocument {
  return normaliseDomain(document, {
    machines: (name) => canonicalMachine(host.probed, name),
    emulator: host.probed.emulator,
    gicVersions: host.probed.gicVersions,
    firmware: host.firmware,
    nvramDirectory: host.nvramDirectory,
    existing: host.existing,
    fromImage: host.fromImage,
  })
}
