import type { Element } from '@xmldom/xmldom'
import {
  attribute,
  child,
  children,
  childText,
  flag,
  requiredAttribute,
  text,
  whole,
} from '../../access.ts'
import { type Architecture, isSupported } from '../../architecture.ts'
import { usualMachine } from '../../chipset.ts'
import { invalid } from '../../location.ts'

/** Machine type, firmware and boot devices. */
export interface Os {
  readonly arch: Architecture
  /** As in the XML: normalise the XML to get QEMU's versioned name. */
  readonly machine: string
  readonly firmware: 'efi' | 'bios' | undefined
  readonly loader: Loader | undefined
  readonly nvram: Nvram | undefined
  readonly boot: readonly ('fd' | 'hd' | 'cdrom' | 'network')[]
  readonly bootMenu: boolean | undefined
  readonly bootMenuTimeoutMs: number | undefined
  readonly useSerial: boolean
  readonly rebootTimeoutMs: number | undefined
  readonly kernel: string | undefined
  readonly initrd: string | undefined
  readonly cmdline: string | undefined
  /** The device tree that the kernel gets in place of QEMU's own. */
  readonly deviceTree: string | undefined
  /** The boot loader that checks the kernel's signature. */
  readonly shim: string | undefined
  readonly acpiTables: readonly AcpiTable[]
  readonly smbios: 'emulate' | 'sysinfo' | 'none' | undefined
}

/** An ACPI table of the guest, from a file. */
export interface AcpiTable {
  /** For a file with the contents only; `undefined`: the file has the whole table. */
  readonly signature: 'SLIC' | 'MSDM' | undefined
  readonly path: string
}

export interface Loader {
  readonly path: string
  readonly type: 'rom' | 'pflash'
  readonly readonly: boolean
  readonly secure: boolean
  readonly format: 'raw' | 'qcow2'
}

export interface Nvram {
  readonly path: string | undefined
  readonly template: string | undefined
  readonly templateFormat: 'raw' | 'qcow2'
  readonly format: 'raw' | 'qcow2'
}

/** Reads `<os>`. */
export function readOs(os: Element): Os {
  const type = child(os, 'type')
  const loader = child(os, 'loader')
  const bootmenu = child(os, 'bootmenu')
  const bios = child(os, 'bios')
  const given = attribute(type, 'arch') ?? ''
  const arch = isSupported(given) ? given : 'x86_64'
  const machine = attribute(type, 'machine') ?? usualMachine(arch)
  if (!/^[\w.+-]+$/.test(machine))
    throw invalid(type ?? os, `"${machine}" is not a valid machine type`)
  const rebootTimeout = attribute(bios, 'rebootTimeout')
  return {
    arch,
    machine,
    firmware: attribute(os, 'firmware') as Os['firmware'],
    loader: loader === undefined ? undefined : readLoader(loader),
    nvram: readNvram(child(os, 'nvram')),
    boot: children(os, 'boot').map((boot) => requiredAttribute(boot, 'dev') as Os['boot'][number]),
    bootMenu: flag(bootmenu, 'enable'),
    bootMenuTimeoutMs: whole(bootmenu, 'timeout'),
    useSerial: flag(bios, 'useserial') ?? false,
    rebootTimeoutMs: rebootTimeout === undefined ? undefined : Number(rebootTimeout),
    kernel: nonEmpty(childText(os, 'kernel')),
    initrd: nonEmpty(childText(os, 'initrd')),
    cmdline: nonEmpty(childText(os, 'cmdline')),
    deviceTree: nonEmpty(childText(os, 'dtb')),
    shim: nonEmpty(childText(os, 'shim')),
    acpiTables: readAcpiTables(child(os, 'acpi')),
    smbios: attribute(child(os, 'smbios'), 'mode') as Os['smbios'],
  }
}

const SIGNATURES: Readonly<Record<string, AcpiTable['signature']>> = { slic: 'SLIC', msdm: 'MSDM' }

function readAcpiTables(element: Element | undefined): readonly AcpiTable[] {
  return (element === undefined ? [] : children(element, 'table')).map((table) => {
    const path = text(table).trim()
    if (!path.startsWith('/')) throw invalid(table, `"${path}" is not an absolute path`)
    // QEMU reads it as the end of a path.
    if (path.includes(':')) throw invalid(table, 'QEMU takes no path with a colon here')
    return { signature: SIGNATURES[requiredAttribute(table, 'type')], path }
  })
}

function readLoader(element: Element): Loader | undefined {
  const path = text(element).trim()
  if (path === '') return undefined
  const type = attribute(element, 'type') === 'pflash' ? 'pflash' : 'rom'
  return {
    path,
    type,
    readonly: flag(element, 'readonly') ?? false,
    secure: flag(element, 'secure') ?? false,
    format: attribute(element, 'format') === 'qcow2' ? 'qcow2' : 'raw',
  }
}

function readNvram(element: Element | undefined): Nvram | undefined {
  if (element === undefined) return undefined
  const source = child(element, 'source')
  const path = source === undefined ? text(element).trim() : (attribute(source, 'file') ?? '')
  return {
    path: nonEmpty(path),
    template: attribute(element, 'template'),
    templateFormat: attribute(element, 'templateFormat') === 'qcow2' ? 'qcow2' : 'raw',
    format: attribute(element, 'format') === 'qcow2' ? 'qcow2' : 'raw',
  }
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
