import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { Sysinfo } from '../../domain-xml/model/board/sysinfo.ts'
import { parseUuid } from '../../domain-xml/values.ts'
import { escapeComma, keyValues } from '../arguments.ts'

/** SMBIOS table number and the order of the fields, as in libvirt's command lines. */
const TABLES: Readonly<Record<Sysinfo['table'], { type: number; names: readonly string[] }>> = {
  bios: { type: 0, names: ['vendor', 'version', 'date', 'release'] },
  system: {
    type: 1,
    names: ['manufacturer', 'product', 'version', 'serial', 'uuid', 'sku', 'family'],
  },
  baseBoard: {
    type: 2,
    names: ['manufacturer', 'product', 'version', 'serial', 'asset', 'location'],
  },
  chassis: { type: 3, names: ['manufacturer', 'version', 'serial', 'asset', 'sku'] },
  oemStrings: { type: 11, names: ['value'] },
}

/** `-smbios`, where `<os>` shows `<sysinfo>` to the guest. */
export function smbiosArguments(domain: Domain): readonly string[] {
  if (domain.os.smbios !== 'sysinfo') return []
  return domain.sysinfo.flatMap(({ table, entries }) => {
    const { type, names } = TABLES[table]
    const uuid = entries.find(({ name }) => table === 'system' && name === 'uuid')?.value
    if (uuid !== undefined && parseUuid(uuid) !== domain.uuid) {
      throw new DomainXmlError(
        'XML_INVALID',
        `/domain/sysinfo/system: the UUID ${uuid} is not that of the domain`,
      )
    }
    const parts = names.flatMap((name) =>
      entries
        .filter((entry) => entry.name === name)
        .map((entry) => `,${name}=${escapeComma(entry.value)}`),
    )
    return parts.length === 0 ? [] : ['-smbios', `type=${type}${parts.join('')}`]
  })
}

/** `-fw_cfg`, for texts and files that the firmware gets. */
export function firmwareSettingArguments({ firmwareSettings }: Domain): readonly string[] {
  return firmwareSettings.flatMap(({ name, value, file }) => [
    '-fw_cfg',
    keyValues(file === undefined ? { name, string: value } : { name, file }),
  ])
}
