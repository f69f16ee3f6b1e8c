import { parseDomainXml } from '../../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../../qemu/domain-xml/read-domain.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import { readDefinition } from '../../store/definitions.ts'

/** The QEMU of a domain, whose `qemu-img` works on its disks. */
export async function emulatorOf({ directories, name, record }: HeldDomain): Promise<string> {
  if (record !== undefined) return record.emulator
  const definition = await readDefinition(directories, name)
  if (definition === undefined) return ''
  return readDomain(parseDomainXml(definition), { tolerant: true }).domain.emulator ?? ''
}
