import { join } from 'node:path'
import { ImageError, QemuError } from '../../errors.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { type ReadDomainOptions, readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { listDefinitions, readDefinition } from '../store/definitions.ts'
import { variableStoreName } from '../../qemu/domain-xml/variable-store-name.ts'
import { type Directories, nvramDirectory } from '../store/directories.ts'
import { historyOf } from '../store/saves/image-history.ts'
import { type AllowOptions, type Allows, allows, ruleFor } from './allow-rules.ts'
import { descriptionDigest } from '../cookie/description-digest.ts'
import { diskHeaderReaches } from './disk-header-reaches.ts'
import { isDistributionData, isDistributionEmulator } from './distribution-file.ts'
import { attachedProvenance } from '../cookie/provenance.ts'
import type { Reach } from './reach.ts'
import { commandReach, reachesOf } from './reaches.ts'

/** A hostile image may ask for thousands of ports. */
const MAX_SHOWN = 50
const MAX_TEXT = 2000

/** An image whose machine is to be made here. */
export interface Suspect {
  readonly path: string
  readonly description: MachineDescription
  /** XML that the caller gave instead of the image's: only programs and arguments in it are checked, because the caller wrote the rest. */
  readonly replacement?: string | undefined
  readonly ignoreUnsupported?: boolean | undefined
}

/**
 * The things of this host that an image asks for without permission. Allowed are: everything, if this host saved the image or edited it since; what the definition of the
 * domain with the same UUID names for the same purpose; a QEMU and firmware of the distribution; loopback addresses; and what `allow` and the
 * configuration name. Nothing that the image names is run or opened.
 * @throws UsageError BAD_ARGUMENT, DomainXmlError, StorageError
 */
export async function untrustedReaches(
  suspect: Suspect,
  directories: Directories,
  options: AllowOptions,
): Promise<readonly Reach[]> {
  const allowed = await allows(options)
  const { description, replacement } = suspect
  const ours = await isFromHere(description, directories)
  if (ours && replacement === undefined) return []
  const domain = read(replacement ?? description.xml, suspect)
  const reaches = reachesOf(domain)
  const asked = [
    ...(ours ? [] : commandOf(description)),
    ...(replacement === undefined
      ? reaches
      : reaches.filter(({ kind }) => ['emulator', 'arguments', 'script'].includes(kind))),
  ]
  const own = ours ? reachesOf(read(description.xml, { tolerant: true })) : []
  return notAllowed(asked, { allowed, own, domain, directories })
}

/** @throws ImageError IMAGE_UNTRUSTED with the list; as `untrustedReaches` */
export async function requireTrusted(
  suspect: Suspect,
  directories: Directories,
  options: AllowOptions,
): Promise<void> {
  const beyond = await untrustedReaches(suspect, directories, options)
  if (beyond.length === 0) return
  const { path } = suspect
  const shown = beyond.slice(0, MAX_SHOWN)
  const list = shown.flatMap((reach) => [describeReach(reach), `  ${permissionFor(reach)}`])
  if (shown.length < beyond.length) list.push(`and ${beyond.length - shown.length} more`)
  throw new ImageError(
    'IMAGE_UNTRUSTED',
    `${path} was not saved on this host in this form, and asks for things that are not allowed here:`,
    {
      list,
      operation: 'restore',
      path,
      hint: 'Nothing was run or opened. If you trust the image, repeat the command with these options, or with --trust, which allows everything that the image asks for',
    },
  )
}

/**
 * Checks the emulator of a domain XML that a user wrote: other parts are the user's own.
 * @throws QemuError QEMU_UNTRUSTED
 */
export async function requireEmulator(domain: Domain, options: AllowOptions): Promise<void> {
  const [reach] = reachesOf(domain).filter(({ kind }) => kind === 'emulator')
  if (reach === undefined) return
  if ((await isDistributionEmulator(reach.value)) || (await (await allows(options))(reach))) return
  throw new QemuError(
    'QEMU_UNTRUSTED',
    `${reach.value} is not a QEMU of the distribution, so it is not run`,
    {
      path: reach.value,
      hint: `If you trust this program, allow it with ${permissionFor(reach)}`,
    },
  )
}

/**
 * Checks the arguments for QEMU and the network scripts in a domain XML that a user wrote: nobody else has.
 * @throws QemuError QEMU_UNTRUSTED
 */
export async function requireUnchecked(domain: Domain, options: AllowOptions): Promise<void> {
  const allowed = await allows(options)
  for (const reach of reachesOf(domain)) {
    if (reach.kind !== 'arguments' && reach.kind !== 'script') continue
    if (await allowed(reach)) continue
    const what =
      reach.kind === 'script'
        ? 'a network script is a program of this host, so it is run only if it is allowed'
        : 'arguments for QEMU are not checked, so they are not used unless they are allowed'
    throw new QemuError('QEMU_UNTRUSTED', `${reach.place}: ${what}: ${visible(reach.value)}`, {
      hint: `Allow it with ${permissionFor(reach)}, or all with --allow '${reach.kind}:*'`,
    })
  }
}

/** `disk /etc/shadow (read and written), at /domain/devices/disk[1] (line 12)`. */
export function describeReach({ kind, use, value, write, place }: Reach): string {
  const how = kind === 'path' ? ` (${write ? 'read and written' : 'read'})` : ''
  return `${use} ${visible(value)}${how}, at ${visible(place)}`
}

/** A text of an image, for a terminal that must not obey it. */
function visible(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} …` : text
  return short.replaceAll(/\p{C}/gu, (one) => `\\u{${one.codePointAt(0)?.toString(16)}}`)
}

/** The option of the command line that permits it. */
export function permissionFor(reach: Reach): string {
  const rule = ruleFor(reach)
  return rule === undefined ? '--trust' : `--allow ${quoted(visible(rule))}`
}

function quoted(rule: string): string {
  return /^[\w./:*@%+=,-]+$/.test(rule) ? rule : `'${rule.replaceAll("'", "'\\''")}'`
}

/** Whether this host wrote exactly this description. The id of an image alone can be forged; a digest cannot. */
export async function isFromHere(
  description: MachineDescription,
  directories: Directories,
): Promise<boolean> {
  const known = (await historyOf(directories, description))?.descriptions ?? []
  return known.includes(descriptionDigest(description))
}

function commandOf({ cookie }: MachineDescription): readonly Reach[] {
  const attached = attachedProvenance(cookie)
  return attached === undefined ? [] : [commandReach(attached.commandLine)]
}

/** The sources of permissions for a reach. */
interface Grounds {
  readonly allowed: Allows
  /** The parts that an image of this host names itself. */
  readonly own: readonly Reach[]
  readonly domain: Domain
  readonly directories: Directories
}

async function notAllowed(
  asked: readonly Reach[],
  { allowed, own, domain, directories }: Grounds,
): Promise<readonly Reach[]> {
  const beyond: Reach[] = []
  const pending = [...asked]
  const seen = new Set<string>()
  let defined: Promise<readonly Reach[]> | undefined
  for (let reach = pending.shift(); reach !== undefined; reach = pending.shift()) {
    if (await isHarmless(reach, domain, directories)) continue
    defined ??= definedReaches(domain, directories)
    const current = reach
    if ([...own, ...(await defined)].some((one) => includes(one, current))) continue
    if (!(await allowed(reach))) beyond.push(reach)
    else if (!seen.has(reach.value)) pending.push(...(await diskHeaderReaches(reach)))
    seen.add(reach.value)
  }
  return beyond
}

const RANDOM = ['/dev/urandom', '/dev/random', '/dev/hwrng']
const DISTRIBUTION_DATA = ['firmware', 'option ROM', 'template of the UEFI variable store']

async function isHarmless(
  { kind, use, value, write }: Reach,
  { name, os }: Domain,
  { stateDir }: Directories,
): Promise<boolean> {
  if (kind === 'emulator') return isDistributionEmulator(value)
  if (kind === 'listen') return /^(127\.\d+\.\d+\.\d+|::1|\[::1\]|localhost):[^:]*$/.test(value)
  if (kind !== 'path') return false
  if (use === 'source of random numbers') return RANDOM.includes(value)
  if (use === 'UEFI variable store') {
    // The name depends on the format: the first bytes of a raw file, which the guest writes, must not become the header of a qcow2 file.
    const own = variableStoreName(name, os.nvram?.format ?? 'raw')
    return value === join(nvramDirectory(stateDir), own)
  }
  return !write && DISTRIBUTION_DATA.includes(use) && (await isDistributionData(value))
}

/** The reaches of the definition of the domain with this UUID. A definition that cannot be read permits nothing. */
async function definedReaches(
  { uuid }: Domain,
  directories: Directories,
): Promise<readonly Reach[]> {
  if (uuid === undefined) return []
  for (const name of await listDefinitions(directories)) {
    const xml = await readDefinition(directories, name).catch(() => undefined)
    if (xml?.toLowerCase().includes(uuid) !== true) continue
    try {
      const domain = read(xml, { tolerant: true })
      if (domain.uuid === uuid) return reachesOf(domain)
    } catch {
      continue
    }
  }
  return []
}

function includes(defined: Reach, asked: Reach): boolean {
  return (
    defined.kind === asked.kind &&
    defined.use === asked.use &&
    defined.value === asked.value &&
    (defined.write || !asked.write)
  )
}

function read(
  xml: string,
  { path, ...options }: ReadDomainOptions & { readonly path?: string },
): Domain {
  return readDomain(parseDomainXml(xml, { path }), options).domain
}
