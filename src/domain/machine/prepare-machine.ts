import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DomainXmlError } from '../../errors.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { dropLiveParts } from '../../qemu/domain-xml/live/live-parts.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { refuseImpossible } from '../../qemu/command-line/limits/impossible.ts'
import { wire } from '../../qemu/command-line/buses/wiring.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { helpWords } from '../../qemu/probe/help-output.ts'
import { closeHostSides } from '../../qemu/command-line/limits/closed-sides.ts'
import { reasonAgainst } from '../../qemu/command-line/limits/sandbox.ts'
import { hostNumaNodes, missingNodes } from '../../qemu/probe/host-nodes.ts'
import { type Directories, nvramDirectory } from '../store/directories.ts'
import { checkDomainName } from '../store/domain-name.ts'
import { completeMachine } from './complete-machine.ts'
import { connectNetworks, recordUserNetworks } from '../networks/connect-networks.ts'
import { removeMissingMedia } from './missing-media.ts'
import { type Emulator, chooseEmulator, sandboxChoice } from './emulator.ts'
import type { NetworkOptions } from '../networks/network-target.ts'
import { findFirmware } from './uefi.ts'
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
  options: UnsupportedOptions &
    NetworkOptions & {
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
  dropLiveParts(document.root, directories.runtimeDir)
  if (options.occasion !== undefined)
    for (const text of await removeMissingMedia(document, options.occasion)) onWarning?.(text)
  const draft = readDomain(document, { ignoreUnsupported })
  checkDomainName(draft.domain.name)
  for (const text of draft.ignored) onWarning?.(`ignored: ${text}`)
  await admit?.(draft.domain)
  const emulator = await chooseEmulator(draft.domain, directories, signal, options)
  const complete = completeMachine(document, {
    probed: emulator.probed,
    firmware: await findFirmware(),
    nvramDirectory: nvramDirectory(directories.stateDir),
    existing: options.occasion !== undefined,
    fromImage: options.occasion === 'restore',
  })
  const { domain: read, closed } = await closeHostSides(
    readDomain(complete, { ignoreUnsupported }).domain,
    {
      help: (option) => helpWords(emulator.probed.emulator, option),
      hasCertificates,
      hasRenderNode,
    },
  )
  for (const text of closed) onWarning?.(text)
  for (const { card, source } of read.hostDevices)
    if (card !== undefined && source.type === 'pci' && options.occasion !== undefined)
      onWarning?.(
        `the network card ${source.host} of the host keeps its MAC address and VLAN: set them with \`ip link set DEVICE vf N mac …\` before the start`,
      )
  refuseImpossible(wire(read), { qemuVersion: emulator.version })
  const domain =
    options.occasion === undefined
      ? await mayConnect(read, directories, options)
      : await connectNetworks(read, directories, {
          ...options,
          onWarning: options.look === true ? undefined : onWarning,
        })
  const unfiltered = reasonAgainst(domain, sandboxChoice(emulator.probed, { changesUser: false }))
  if (unfiltered !== undefined)
    onWarning?.(`the system calls of QEMU are not filtered: ${unfiltered}`)
  if (options.occasion !== undefined) recordUserNetworks(complete, domain)
  const missing = missingNodes(domain, await hostNumaNodes())
  if (missing.length > 0)
    onWarning?.(
      `memory is not bound to NUMA nodes that this host does not have: ${missing.join(', ')}`,
    )
  return { xml: formatDomainXml(complete), domain, uuid: domain.uuid ?? '', emulator }
}

/** A domain may be defined before its networks exist. */
async function mayConnect(
  domain: Domain,
  directories: Directories,
  options: UnsupportedOptions & NetworkOptions,
): Promise<Domain> {
  try {
    await connectNetworks(domain, directories, options)
  } catch (error) {
    if (!(error instanceof DomainXmlError)) throw error
    for (const { message, hint } of error.problems)
      options.onWarning?.(`it cannot start now: ${message}. ${hint}`)
  }
  return domain
}

function hasRenderNode(path: string | undefined): boolean {
  if (path !== undefined) return existsSync(path)
  return (
    existsSync('/dev/dri') && readdirSync('/dev/dri').some((name) => name.startsWith('renderD'))
  )
}

function hasCertificates(directory: string): boolean {
  return existsSync(join(directory, 'server-cert.pem'))
}
