import { ImageError, UsageError } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { incomingCommandLine } from '../../qemu/foreign/foreign-command-line.ts'
import { isOrdinary, memoryBackends } from '../../qemu/command-line/board/memory.ts'
import { type Cpu, readCookieCpu } from '../../qemu/domain-xml/model/board/cpu.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { foreignArchitecture } from '../machine/architecture.ts'
import { type CloneRequest, type CloneXml, cloneXml } from '../machine/clone-xml.ts'
import type { Directories } from '../store/directories.ts'
import { withNewGenid } from '../machine/new-genid.ts'
import { type Provenance, attachedProvenance } from '../cookie/provenance.ts'
import {
  type PreparedMachine,
  type UnsupportedOptions,
  prepareMachine,
} from '../machine/prepare-machine.ts'
import { networkHint, spareUserNetworks } from '../networks/spare-networks.ts'
import { replaceXml } from '../machine/replace-xml.ts'
import { type NetworkOptions, allowingNetworks } from '../networks/network-target.ts'
import { requireTrusted } from '../trust/trust.ts'
import type { AllowOptions } from '../trust/allow-rules.ts'
import { type DomainXml, givenXml } from '../store/xml-text.ts'

/** The machine for an image. */
export interface RestorePlan extends PreparedMachine {
  /** The processor that the guest really had, when the image contains it. */
  readonly cpuOverride: Cpu | undefined
  /** The files needed for a clone. */
  readonly clone: CloneXml | undefined
  /** The command line of a QEMU that Stasis did not start, adapted to load its machine again. */
  readonly recorded: { readonly argv: readonly string[]; readonly cwd: string } | undefined
  /** User networks that QEMU needs besides those of the cards, until the machine is loaded. */
  readonly spareUserNetworks: number
  /** The hint about networks for a machine that does not load. */
  readonly loadHint: string | undefined
  /** Memory backends whose files can be filled from outside. */
  readonly backends: readonly { readonly id: string; readonly length: number }[]
}

/**
 * Prepares the machine that an image describes, or that the given XML describes when the guest sees no difference.
 * @throws ImageError IMAGE_INCOMPATIBLE, IMAGE_UNTRUSTED, DomainXmlError, QemuError; UsageError for a clone that would write to a disk of the original
 */
export async function planRestore(
  image: SavedMachine,
  requested: DomainXml | undefined,
  directories: Directories,
  options: UnsupportedOptions &
    NetworkOptions &
    AllowOptions & {
      readonly clone?: CloneRequest | undefined
      readonly newGenid?: boolean | undefined
      readonly signal?: AbortSignal | undefined
      /** Write nothing into the state directory. */
      readonly look?: boolean | undefined
    },
): Promise<RestorePlan> {
  const { xml, cookie } = image.description
  const replacement = requested === undefined ? undefined : givenXml(requested)
  const document = parseDomainXml(xml, { path: image.path })
  const foreign = foreignArchitecture(document)
  if (foreign !== undefined) {
    const { text, hint } = foreign
    throw new ImageError('IMAGE_INCOMPATIBLE', text, { path: image.path, hint })
  }
  const original =
    replacement === undefined
      ? { text: xml, path: image.path }
      : { text: replaceXml(xml, replacement, directories.runtimeDir), path: replacement.path }
  await requireTrusted(
    {
      path: image.path,
      description: image.description,
      replacement: replacement === undefined ? undefined : original.text,
      ignoreUnsupported: options.ignoreUnsupported,
    },
    directories,
    { allow: allowingNetworks(options) },
  )
  const clone = options.clone === undefined ? undefined : cloneXml(original.text, options.clone)
  const copy = clone === undefined ? original : { text: clone.xml, path: original.path }
  const provenance = attachedProvenance(cookie)
  if (options.newGenid === true && provenance !== undefined)
    throw startedByOthers(image.path, 'it cannot get a new generation id')
  const source = options.newGenid === true ? withNewGenid(copy) : copy
  const prepared = await prepareMachine(source, directories, { ...options, occasion: 'restore' })
  const saved = readDomain(document, { tolerant: true }).domain
  const recorded =
    provenance === undefined ? undefined : recordedLaunch(provenance, image.path, clone)
  return {
    ...prepared,
    recorded,
    clone,
    loadHint: networkHint(saved, prepared.domain),
    spareUserNetworks: provenance === undefined ? spareUserNetworks(saved, prepared.domain) : 0,
    cpuOverride: cookie === undefined ? undefined : readCookieCpu(cookie, image.path),
    backends: recorded === undefined ? fillable(prepared.domain) : [],
  }
}

function recordedLaunch(
  { commandLine, attached }: Provenance,
  path: string,
  clone: CloneXml | undefined,
): RestorePlan['recorded'] {
  if (clone === undefined)
    return { argv: incomingCommandLine(commandLine.slice(1)), cwd: attached?.cwd ?? '/' }
  throw startedByOthers(path, 'it cannot be cloned')
}

function startedByOthers(path: string, refusal: string): UsageError {
  return new UsageError(
    'BAD_COMBINATION',
    `${path} was saved from a QEMU that Stasis did not start: ${refusal}`,
  )
}

/** Huge pages come from the kernel's own pool, not from a file of ours. */
function fillable(domain: Domain): RestorePlan['backends'] {
  if (domain.memoryBacking.hugepages !== undefined) return []
  return memoryBackends(domain)
    .filter((backend) => isOrdinary(backend, domain))
    .map(({ id, sizeBytes }) => ({ id, length: sizeBytes }))
}
