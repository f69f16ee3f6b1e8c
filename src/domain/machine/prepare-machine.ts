import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { reasonAgainst } from '../../qemu/command-line/sandbox.ts'
import type { Directories } from '../store/directories.ts'
import { checkDomainName } from '../store/domain-name.ts'
import { completeMachine } from './complete-machine.ts'
import { removeMissingMedia } from './missing-media.ts'
import { type Emulator, chooseEmulator, sandboxChoice } from './emulator.ts'
import { findUefi, nvramDirectory } from './uefi.ts'
import type { XmlText } from '../store/xml-text.ts'

/** How to treat unsupported parts of a domain XML. */
export interface UnsupportedOptions {
  /** Leave them out instead of refusing the XML. */
  readonly ignoreUnsupported?: boolean | undefined
  /** Called for each part that was left out. */
  readonly onWarning?: ((text: string) => void) | undefined
}

/** A domain XML prepared for a QEMU of this host. */
export interface PreparedMachine {
  /** Complete: UUID, versioned machine type, an address for every device. */
  readonly xml: string
  readonly domain: Domain
  readonly uuid: string
  readonly emulator: Emulator
}

/**
 * Checks a domain XML and fills in its missing parts.
 * @throws DomainXmlError, UsageError for an impossible name, QemuError when this host has no QEMU for it
 */
export async function prepareMachine(
  source: XmlText,
  directories: Directories,
  options: UnsupportedOptions & {
    readonly signal?: AbortSignal | undefined
    /** Write nothing into the state directory. */
    readonly look?: boolean | undefined
    /** Throws if the machine is not to be made. Called before its emulator runs. */
    readonly admit?: ((domain: Domain) => Promise<void>) | undefined
    /** Media whose files are missing may be left out for this; otherwise they stay, as at `define`. */
    readonly occasion?: 'start' | 'restore' | undefined
  },
): Promise<PreparedMachine> {
  const { ignoreUnsupported, onWarning, signal, admit } = options
  const document = parseDomainXml(source.text, { path: source.path })
  if (options.occasion !== undefined)
    for (const text of await removeMissingMedia(document, options.occasion)) onWarning?.(text)
  const draft = readDomain(document, { ignoreUnsupported })
  checkDomainName(draft.domain.name)
  for (const text of draft.ignored) onWarning?.(`ignored: ${text}`)
  await admit?.(draft.domain)
  const emulator = await chooseEmulator(draft.domain, directories, signal, options)
  const complete = completeMachine(document, {
    probed: emulator.probed,
    uefi: await findUefi(),
    nvramDirectory: nvramDirectory(directories.stateDir),
    existing: options.occasion !== undefined,
  })
  const { domain } = readDomain(complete, { ignoreUnsupported })
  const unfiltered = reasonAgainst(domain, sandboxChoice(emulator.probed, { changesUser: false }))
  if (unfiltered !== undefined)
    onWarning?.(`the system calls of QEMU are not filtered: ${unfiltered}`)
  return { xml: formatDomainXml(complete), domain, uuid: domain.uuid ?? '', emulator }
}
