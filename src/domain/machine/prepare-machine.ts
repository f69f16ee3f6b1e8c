import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { normaliseDomain } from '../../qemu/domain-xml/normalise.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { canonicalMachine } from '../../qemu/probe.ts'
import type { Directories } from '../store/directories.ts'
import { checkDomainName } from '../store/domain-name.ts'
import { type Emulator, chooseEmulator } from './emulator.ts'
import { findUefi, nvramDirectory } from './uefi.ts'
import type { XmlText } from '../store/xml-text.ts'

/** What to do with what a domain XML asks for and this program does not do. */
export interface UnsupportedOptions {
  /** Leave it out instead of refusing it. */
  readonly ignoreUnsupported?: boolean | undefined
  /** Told what was left out. */
  readonly onWarning?: ((text: string) => void) | undefined
}

/** A domain XML made ready for a QEMU of this host. */
export interface PreparedMachine {
  /** Complete: UUID, versioned machine type, an address for every device. */
  readonly xml: string
  readonly domain: Domain
  readonly uuid: string
  readonly emulator: Emulator
}

/**
 * Checks a domain XML and fills in what it leaves open.
 * @throws DomainXmlError, UsageError for an impossible name, QemuError when this host has no QEMU for it
 */
export async function prepareMachine(
  source: XmlText,
  directories: Directories,
  options: UnsupportedOptions & { readonly signal?: AbortSignal | undefined },
): Promise<PreparedMachine> {
  const { ignoreUnsupported, onWarning, signal } = options
  const document = parseDomainXml(source.text, { path: source.path })
  const asked = readDomain(document, { ignoreUnsupported })
  checkDomainName(asked.domain.name)
  for (const text of asked.ignored) onWarning?.(`ignored: ${text}`)
  const emulator = await chooseEmulator(asked.domain, directories, signal)
  const complete = normaliseDomain(document, {
    machines: (name) => canonicalMachine(emulator.probed, name),
    emulator: emulator.probed.emulator,
    uefi: await findUefi(),
    nvramDirectory: nvramDirectory(directories.stateDir),
  })
  const { domain } = readDomain(complete, { ignoreUnsupported })
  return { xml: formatDomainXml(complete), domain, uuid: domain.uuid ?? '', emulator }
}
