import type { Element } from '@xmldom/xmldom'
import { children, requiredAttribute, text } from '../access.ts'

/** An SMBIOS table of the guest, with libvirt's names. */
export interface Sysinfo {
  readonly table: 'bios' | 'system' | 'baseBoard' | 'chassis' | 'oemStrings'
  readonly entries: readonly { readonly name: string; readonly value: string }[]
}

/** Reads `<sysinfo type='smbios'>`. */
export function readSysinfo(element: Element | undefined): readonly Sysinfo[] {
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
