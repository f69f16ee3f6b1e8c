import { QemuError } from '../errors.ts'
import type { MachineDescription } from '../image/saved-machine.ts'
import { changesSinceStart } from '../qemu/changes-since-start.ts'
import { whatCannotBeCarried } from '../qemu/foreign-command-line.ts'
import { formatDomainXml } from '../qemu/domain-xml/format.ts'
import { normaliseDomain } from '../qemu/domain-xml/normalise.ts'
import { parseDomainXml } from '../qemu/domain-xml/parse.ts'
import { readDomain } from '../qemu/domain-xml/read-domain.ts'
import type { QmpConnection } from '../qmp/connection.ts'
import { checkSameMachine } from './compatibility.ts'
import { readLiveXml } from './dump-xml.ts'
import type { HeldDomain } from './held-domain.ts'
import { originCookie } from './origin.ts'
import type { RuntimeRecord } from './runtime-record.ts'
import type { XmlText } from './xml-text.ts'

/**
 * What an image says about the machine: the XML that it runs from, or the given one when the guest cannot tell them apart.
 * @throws ImageError IMAGE_INCOMPATIBLE, DomainXmlError, StorageError
 */
export async function describeForSave(
  held: HeldDomain,
  record: RuntimeRecord,
  wasRunning: boolean,
  given: XmlText | undefined,
  control: QmpConnection,
): Promise<MachineDescription> {
  if (record.attached !== undefined) await checkCarried(held.name, control, record.commandLine)
  const live = await readLiveXml(held.paths)
  return {
    xml: given === undefined ? live : replaceXml(live, given),
    cookie: originCookie(record, new Date()),
    wasRunning,
  }
}

/**
 * The given XML, checked to show the guest the same machine as the original.
 * @throws ImageError IMAGE_INCOMPATIBLE, DomainXmlError
 */
export function replaceXml(original: string, given: XmlText): string {
  const document = normaliseDomain(parseDomainXml(given.text, { path: given.path }))
  const { domain } = readDomain(document, { ignoreUnsupported: true })
  // libvirt leaves out of the XML in an image what every such machine has.
  const complete = normaliseDomain(parseDomainXml(original))
  const { domain: saved } = readDomain(complete, { ignoreUnsupported: true })
  checkSameMachine(saved, domain)
  return formatDomainXml(document)
}

/** What of a QEMU that Stasis did not start could not be started again as it is, in words. @throws QemuError */
export async function carryingObstacles(
  control: QmpConnection,
  commandLine: readonly string[],
): Promise<readonly string[]> {
  const argv = commandLine.slice(1)
  return [...whatCannotBeCarried(argv), ...(await changesSinceStart(control, argv))]
}

/** @throws QemuError QEMU_REFUSED naming these */
async function checkCarried(
  name: string,
  control: QmpConnection,
  commandLine: readonly string[],
): Promise<void> {
  const obstacles = await carryingObstacles(control, commandLine)
  if (obstacles.length === 0) return
  throw new QemuError(
    'QEMU_REFUSED',
    `Domain '${name}' cannot be saved: its QEMU could not be started again as it is. ${obstacles.join('; ')}`,
    { operation: 'save', hint: 'Let the program that started this QEMU save it' },
  )
}
