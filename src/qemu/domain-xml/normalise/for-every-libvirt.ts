import { formatDomainXml } from '../format.ts'
import { parseDomainXml } from '../parse.ts'
import { withoutFirmwareChoice } from './firmware.ts'
import { withoutChipsetWatchdog } from './small-devices.ts'

/** A domain XML without the parts that libvirt 9.0 does not know, so that every libvirt loads it. Newer ones add them again. @throws DomainXmlError */
export function forEveryLibvirt(xml: string): string {
  const document = parseDomainXml(xml)
  withoutChipsetWatchdog(document.root)
  withoutFirmwareChoice(document.root)
  return formatDomainXml(document)
}
