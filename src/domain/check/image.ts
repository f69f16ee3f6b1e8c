import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { checkOptions } from '../store/check-options.ts'
import { DomainXmlError, StasisError, UsageError } from '../../errors.ts'
import { openImage, readDescription } from '../../image/open-image.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import type { SaveFormat } from '../../image/save-format.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { foreignArchitecture } from '../machine/architecture.ts'
import type { AllowOptions } from '../trust/allow-rules.ts'
import { type NetworkOptions, allowingNetworks } from '../networks/network-target.ts'
import { checkCpu } from './cpu.ts'
import { checkDisks } from './disks.ts'
import { checkFiles } from './files.ts'
import { checkPorts } from './ports.ts'
import { checkDomainState, checkEmulator, checkMemory, checkNetworks } from './host.ts'
import { checkShape } from './shape.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { type Finding, type FindingCode, fault } from './finding.ts'
import { type ImageInfoOptions, inspectImage } from '../images/image-info.ts'
import { nameCancel } from '../progress/name-cancel.ts'
import type { UnsupportedOptions } from '../machine/prepare-machine.ts'
import { checkTrust } from './trust.ts'
import { planRestore } from '../restore/restore-plan.ts'
import { type TrialMachine, tryMachine } from './trial-machine.ts'
import { type DomainXml, givenXml } from '../store/xml-text.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { processorInCookie } from '../cookie/processor-cookie.ts'
import { lacksFeatures, missingFeatures } from '../machine/missing-features.ts'

/** How to check. */
export interface CheckImageOptions
  extends DomainOptions, UnsupportedOptions, AllowOptions, NetworkOptions {
  /** Domain XML that the restore would use instead of the image's. */
  readonly xml?: DomainXml | undefined
  /** The progress of reading, if the whole image must be read. */
  readonly onProgress?: ImageInfoOptions['onProgress']
}

/** Whether an image can be restored on this host. */
export interface ImageCheck {
  readonly path: string
  readonly format: SaveFormat
  /** True if no finding is an error. */
  readonly loadable: boolean
  readonly findings: readonly Finding[]
}

/**
 * Checks whether this host can restore an image, without starting its guest or touching its disks: architecture, QEMU, machine type,
 * accelerator, processor, memory, files, networks; and whether RAM blocks and devices in the image match those that QEMU makes from the
 * XML. Images that are one stream are read to the end.
 * @throws ImageError for a file that is not a complete image, UsageError, StorageError; CancelledError
 * @example
 * const { loadable, findings } = await checkImage('/backup/web.save')
 * for (const { severity, text, hint } of findings) console.log(severity, text, hint)
 */
export async function checkImage(
  file: FilePath,
  options: CheckImageOptions = {},
): Promise<ImageCheck> {
  checkOptions(options)
  const path = givenPath(file, 'the image')
  return nameCancel(`check ${path}`, check(path, options))
}

async function check(path: string, options: CheckImageOptions): Promise<ImageCheck> {
  const { signal } = options
  const description = await readDescription(path)
  await using image = await openImage(path, { direct: false, signal })
  const findings = await findAll({ path, description }, options)
  const loadable = findings.every(({ severity }) => severity !== 'error')
  return { path, format: image.format, loadable, findings }
}

async function findAll(
  { path, description }: { readonly path: string; readonly description: MachineDescription },
  options: CheckImageOptions,
): Promise<readonly Finding[]> {
  const { signal, ignoreUnsupported } = options
  const directories = await openDirectories(options)
  const replacement = options.xml === undefined ? undefined : givenXml(options.xml).text
  const { read, findings } = readXml(replacement ?? description.xml, options)
  if (read === undefined) return findings
  const suspect = { path, description, replacement, ignoreUnsupported }
  const trust = await checkTrust(suspect, directories, { allow: allowingNetworks(options) })
  // An untrusted program is not run, even for a harmless machine.
  const emulator = trust.length > 0 ? trust : await checkEmulator(read, directories, signal)
  const state = await checkDomainState(read, directories, signal)
  const files = await checkFiles(read)
  const mayStart = [...trust, ...state, ...files].every(({ severity }) => severity !== 'error')
  const host = [
    ...emulator,
    ...(await checkMemory(read)),
    ...files,
    // A domain that runs uses its ports, and has changed its disks.
    ...(mayStart ? await checkDisks(read, description, directories) : []),
    ...(mayStart ? await checkPorts(read) : []),
    ...(await checkNetworks(read, directories, options)),
    ...state,
  ]
  if (emulator.some(({ severity }) => severity === 'error')) return host
  return [...host, ...(await checkMachine(path, directories, options))]
}

function readXml(
  xml: string,
  { ignoreUnsupported }: CheckImageOptions,
): { readonly read?: Domain; readonly findings: readonly Finding[] } {
  try {
    const document = parseDomainXml(xml)
    const foreign = foreignArchitecture(document)
    if (foreign !== undefined)
      return { findings: [fault('ARCHITECTURE', foreign.text, foreign.hint)] }
    return { read: readDomain(document, { ignoreUnsupported }).domain, findings: [] }
  } catch (error) {
    if (error instanceof DomainXmlError && error.problems.length > 1) {
      const each = error.problems.map(({ message, hint }) =>
        fault('DOMAIN_XML', message, hint ?? error.hint),
      )
      return { findings: each }
    }
    return { findings: [findingOf('DOMAIN_XML', error)] }
  }
}

/** Compares the machine in the image with the one that QEMU makes here. */
async function checkMachine(
  path: string,
  directories: Directories,
  options: CheckImageOptions,
): Promise<readonly Finding[]> {
  const { signal, onProgress } = options
  const { machine, memory, devices = [] } = await inspectImage(path, { signal, onProgress })
  try {
    await using image = await openImage(path, { direct: false, signal })
    // `checkNetworks` reports networks that are missing; the trial needs none.
    const look = { ...options, allowLinkDown: true, look: true }
    const plan = await planRestore(image, options.xml, directories, look)
    const trial = await tryMachine(plan, signal)
    const saved = { machine, blocks: memory?.blocks ?? [], devices }
    const { cpuOverride, domain } = plan
    const fromCookie = cpuOverride !== undefined
    return [
      ...checkProcessor(image, trial),
      ...checkCpu(cpuOverride ?? domain.cpu, trial.missingFeatures, { fromCookie }),
      ...checkShape(saved, trial.shape),
    ]
  } catch (error) {
    return [findingOf('MACHINE', error)]
  }
}

/** Compares the features of the processor, if the image records them. */
function checkProcessor(
  { path, description }: SavedMachine,
  { processor }: TrialMachine,
): readonly Finding[] {
  const had = processorInCookie(description.cookie)
  const missing = had === undefined ? [] : missingFeatures(had, processor ?? new Map())
  if (missing.length === 0) return []
  const { message, hint } = lacksFeatures(path, missing)
  return [fault('CPU', message, hint)]
}

/** An obstacle as a finding. A bug of ours, a cancel and a wrong request stay errors. */
function findingOf(code: FindingCode, error: unknown): Finding {
  if (!(error instanceof StasisError) || error instanceof UsageError) throw error
  if (error.code === 'CANCELLED' || error.code === 'INTERNAL') throw error
  const cause = error.cause instanceof StasisError ? `: ${error.cause.message}` : ''
  return fault(code, `${error.message}${cause}`, error.hint)
}
