import { QemuError } from '../../errors.ts'
import { newImageId } from '../../image/image-id.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { forEveryLibvirt } from '../../qemu/domain-xml/normalise/for-every-libvirt.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { replaceXml } from '../machine/replace-xml.ts'
import { restartObstacles } from '../machine/restart-obstacles.ts'
import { readLiveXml } from '../catalogue/domain-xml.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { cookieWithFreeze } from '../cookie/freeze-cookie.ts'
import { provenanceCookie } from '../cookie/provenance.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'
import { type DomainXml, givenXml } from '../store/xml-text.ts'
import { cookieWithProcessor } from '../cookie/processor-cookie.ts'
import { processorWords } from '../machine/processor-words.ts'

/**
 * The description of the machine for an image: the XML that it runs from, or the given one when the guest sees no difference.
 * @throws ImageError IMAGE_INCOMPATIBLE, DomainXmlError, StorageError
 */
export async function describeForSave(
  held: HeldDomain,
  record: RuntimeRecord,
  wasRunning: boolean,
  given: DomainXml | undefined,
  control: QmpConnection,
): Promise<MachineDescription> {
  if (record.attached !== undefined) await checkCarried(held.name, control, record.commandLine)
  const live = await readLiveXml(held.paths)
  const { runtimeDir } = held.directories
  const words = await processorWords(control)
  const plain = provenanceCookie(record, new Date())
  const cookie = words === undefined ? plain : cookieWithProcessor(plain, words)
  return {
    xml: imageXml(given === undefined ? live : replaceXml(live, givenXml(given), runtimeDir)),
    cookie: record.frozen === true ? cookieWithFreeze(cookie) : cookie,
    wasRunning,
    id: newImageId(),
  }
}

/** In the form that every libvirt loads; unchanged, also in its layout, where that is the same. */
function imageXml(xml: string): string {
  return /itco|<os [^>]*firmware=/.test(xml) ? forEveryLibvirt(xml) : xml
}

/** @throws QemuError QEMU_REFUSED with the obstacles */
async function checkCarried(
  name: string,
  control: QmpConnection,
  commandLine: readonly string[],
): Promise<void> {
  const obstacles = await restartObstacles(control, commandLine)
  if (obstacles.length === 0) return
  throw new QemuError(
    'QEMU_REFUSED',
    `Domain '${name}' cannot be saved: its QEMU cannot be started again in the same way: ${obstacles.join('; ')}`,
    { operation: 'save', hint: 'Save it with the program that started this QEMU' },
  )
}
