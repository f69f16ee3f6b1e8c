import type { Element } from '@xmldom/xmldom'
import { attribute, children, requiredAttribute, text } from '../../access.ts'
import { invalid } from '../../location.ts'

/** An SMBIOS table of the guest, with libvirt's names. */
export interface Sysinfo {
  readonly table: 'bios' | 'system' | 'baseBoard' | 'chassis' | 'oemStrings'
  readonly entries: readonly { readonly name: string; readonly value: string }[]
}

/** A text or a file that QEMU hands to the firmware (fw_cfg), where the guest's programs also find it. */
export interface FirmwareSetting {
  readonly name: string
  readonly value: string
  readonly file: string | undefined
}

/** Reads `<sysinfo type='fwcfg'>`. @throws DomainXmlError `XML_INVALID` */
export function readFirmwareSettings(root: Element): readonly FirmwareSetting[] {
  const elements = children(root, 'sysinfo').filter((one) => attribute(one, 'type') === 'fwcfg')
  return elements.flatMap((element) => children(element, 'entry')).map(readFirmwareSetting)
}

function readFirmwareSetting(entry: Element): FirmwareSetting {
  const [name, value, file] = [
    requiredAttribute(entry, 'name'),
    text(entry).trim(),
    attribute(entry, 'file'),
  ]
  // The other names are QEMU's own (docs/specs/fw_cfg.rst).
  if (!/^opt\/(?!ovmf\/|org\.qemu\/)./.test(name) || Buffer.byteLength(name) > LONGEST_NAME)
    throw invalid(
      entry,
      `"${name}" is not a name that a domain may use: it must be like "opt/com.example/name"`,
    )
  if ((value === '') === (file === undefined))
    throw invalid(entry, 'it must have either a text or a file')
  if (file !== undefined && !file.startsWith('/'))
    throw invalid(entry, `"${file}" is not an absolute path`)
  return { name, value, file }
}

/** QEMU's FW_CFG_MAX_FILE_PATH is 56, with the end. */
const LONGEST_NAME = 55

/** Reads `<sysinfo type='smbios'>`. */
export function readSysinfo(root: Element): readonly Sysinfo[] {
  const element = children(root, 'sysinfo').find((one) => attribute(one, 'type') !== 'fwcfg')
  if (element === undefined) return []
  const known = ['bios', 'system', 'baseBoard', 'chassis', 'oemStrings']
  return children(element)
    .filter((table) => known.includes(table.nodeName))
    .map((table) => ({
      table: table.nodeName as Sysinfo['table'],
      entries: children(table, 'entry').map((entry) => ({
        name: table.nodeName === 'oemStrings' ? 'value' : requiredAttribute(entry, 'name'),
        value: text(entry).trim(),
      })),
    }))
}
