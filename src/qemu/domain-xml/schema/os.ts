import { ARCHITECTURES } from '../architecture.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  holding,
  kindOfElement,
  refused,
  signed,
  whole,
  withoutEffect,
  yesNo,
} from './rule.ts'

const container = 'it exists only in containers'

/** `<os>`: machine type, firmware and boot devices. */
export const osRule: ElementRule = {
  attributes: { firmware: choice('efi', 'bios') },
  children: {
    type: {
      attributes: { arch: kindOfElement(...ARCHITECTURES), machine: anyText },
      text: kindOfElement('hvm'),
    },
    firmware: {
      attributes: { type: choice('efi', 'bios') },
      children: {
        feature: attributes({ name: choice('secure-boot', 'enrolled-keys'), enabled: yesNo }),
      },
    },
    loader: {
      attributes: {
        readonly: yesNo,
        secure: yesNo,
        type: choice('rom', 'pflash'),
        stateless: yesNo,
        format: choice('raw', 'qcow2'),
      },
      text: anyText,
    },
    nvram: {
      attributes: {
        template: anyText,
        templateFormat: choice('raw', 'qcow2'),
        type: choice('file'),
        format: choice('raw', 'qcow2'),
      },
      children: { source: attributes({ file: anyText }) },
      text: anyText,
    },
    boot: attributes({ dev: kindOfElement('fd', 'hd', 'cdrom', 'network') }),
    bootmenu: attributes({ enable: yesNo, timeout: whole }),
    smbios: attributes({ mode: choice('emulate', 'sysinfo', 'none') }),
    bios: attributes({ useserial: yesNo, rebootTimeout: signed }),
    kernel: holding(anyText),
    initrd: holding(anyText),
    cmdline: holding(anyText),
    dtb: holding(anyText),
    acpi: {
      children: {
        table: { attributes: { type: kindOfElement('raw', 'slic', 'msdm') }, text: anyText },
      },
    },
    shim: holding(anyText),
    init: refused(container),
    initarg: refused(container),
    initenv: refused(container),
    initdir: refused(container),
    inituser: refused(container),
    initgroup: refused(container),
  },
}

const entries: ElementRule = {
  children: { entry: { attributes: { name: anyText }, text: anyText } },
}

/** `<sysinfo>`: the contents of the guest's SMBIOS tables, and texts and files that QEMU hands to the firmware. */
export const sysinfoRule: ElementRule = {
  attributes: { type: kindOfElement('smbios', 'fwcfg') },
  children: {
    entry: { attributes: { name: anyText, file: anyText }, text: anyText },
    bios: entries,
    system: entries,
    baseBoard: entries,
    chassis: entries,
    oemStrings: { children: { entry: holding(anyText) } },
    processor: withoutEffect('libvirt does not pass it to QEMU either'),
    memory: withoutEffect('libvirt does not pass it to QEMU either'),
  },
}
