import { variableStoreName } from '../variable-store-name.ts'
import type { Element } from '@xmldom/xmldom'
import { attribute, attributeNode, child, children, childText, flag, text } from '../access.ts'
import type { Architecture } from '../architecture.ts'
import { type Firmware, isForMachine } from '../firmware.ts'
import { invalid, unsupported } from '../location.ts'
import { architectureOf } from './chipset.ts'
import { create, insertBefore, insertTopLevel, setDefault } from './edit.ts'
import type { NormaliseOptions } from './options.ts'

/** Debian's package with UEFI firmware for each architecture. */
const UEFI_PACKAGES: Readonly<Record<Architecture, string>> = {
  x86_64: 'ovmf',
  i686: 'ovmf-ia32',
  aarch64: 'qemu-efi-aarch64',
}

/**
 * Fills in the firmware: the first one of the host that meets the wishes of the domain, as in libvirt (qemuFirmwareMatchDomain, 11.3). One that needs SMM
 * turns it on and protects its flash memory. A loader that the XML names gets the variable store that belongs to it.
 */
export function fillFirmware(root: Element, os: Element, options: NormaliseOptions): void {
  const loader = child(os, 'loader')
  const named = loader !== undefined && text(loader).trim() !== ''
  const kind = attribute(os, 'firmware')
  const flash = attribute(loader, 'type') === 'pflash'
  if (options.existing !== true) {
    checkFirmware(root, os, loader, kind === 'efi' || (named && flash))
    checkChoice(os, loader, { kind, named })
  }
  if (kind !== undefined && !named) return chooseFirmware(root, os, options)
  if (loader === undefined || !flash || flag(loader, 'readonly') === false) return
  const present = child(os, 'nvram')
  const template = attribute(present, 'template')
  if (isNamed(present)) {
    const own = firmwareOf(root, os, options)?.template
    if (own !== undefined && options.existing !== true && present !== undefined)
      setTemplate(present, own)
  } else if (template !== undefined) {
    const format = attribute(present, 'templateFormat') === 'qcow2' ? 'qcow2' : 'raw'
    addNvram(root, os, loader, options, { path: template, format })
  } else if (options.existing !== true) {
    const firmware = firmwareOf(root, os, options)
    if (firmware?.template !== undefined) addNvram(root, os, loader, options, firmware.template)
    if (firmware === undefined) return
    setDefault(loader, 'readonly', 'yes')
    enableSmm(root, loader, firmware)
  }
}

/**
 * Lets the XML of an image name its firmware and no longer ask for a choice. libvirt 9.0 refuses both in one XML, and removes the choice itself when a
 * guest starts (qemuFirmwareFillDomain); 11.3 reads either.
 */
export function withoutFirmwareChoice(root: Element): void {
  const os = child(root, 'os')
  const loader = child(os, 'loader')
  if (os === undefined || loader === undefined || text(loader).trim() === '') return
  os.removeAttribute('firmware')
  const features = child(os, 'firmware')
  if (features !== undefined) os.removeChild(features)
}

function checkFirmware(
  root: Element,
  os: Element,
  loader: Element | undefined,
  uefi: boolean,
): void {
  const nvram = child(os, 'nvram')
  const acpi = child(child(root, 'features'), 'acpi')
  const arm = architectureOf(root) === 'aarch64'
  if (!arm && uefi && acpi === undefined)
    throw invalid(os, 'UEFI firmware needs ACPI', 'Add <acpi/> to <features>')
  if (arm && !uefi && acpi !== undefined)
    throw invalid(
      acpi,
      'on this architecture ACPI needs UEFI firmware',
      'Add firmware="efi" to <os>, or remove <acpi/>',
    )
  if (nvram === undefined) return
  if (attribute(loader, 'type') === 'rom')
    throw invalid(nvram, 'a loader of type "rom" has no variable store')
  if (flag(loader, 'stateless') === true)
    throw invalid(nvram, 'a stateless loader has no variable store')
}

/** Refuses, as libvirt does, a store that this firmware does not have, and wishes that nothing fulfils. */
function checkChoice(
  os: Element,
  loader: Element | undefined,
  { kind, named }: { readonly kind: string | undefined; readonly named: boolean },
): void {
  const nvram = child(os, 'nvram')
  const flash = kind === 'efi' || attribute(loader, 'type') === 'pflash'
  if (nvram !== undefined && kind === 'bios')
    throw invalid(nvram, 'only UEFI firmware has a variable store')
  if (loader !== undefined && !flash && flag(loader, 'stateless') === false)
    throw invalid(loader, 'only UEFI firmware has a variable store: remove stateless="no"')
  const features = child(os, 'firmware')
  if (kind === undefined && features !== undefined)
    throw invalid(features, 'firmware is chosen by its features only with <os firmware="efi">')
  if (kind === undefined && loader !== undefined && !named)
    throw invalid(loader, 'it names no file: add its path, or choose with <os firmware="efi">')
  if (kind === 'efi' && loader !== undefined && !named && flag(loader, 'readonly') === false)
    throw invalid(loader, 'UEFI firmware is chosen only among files that no guest writes to')
}

/** The first firmware of the host that fits the domain; `undefined` if there is none. */
function firmwareOf(
  root: Element,
  os: Element,
  { firmware = [] }: NormaliseOptions,
): Firmware | undefined {
  const loader = child(os, 'loader')
  const path = loader === undefined ? '' : text(loader).trim()
  const template = attribute(child(os, 'nvram'), 'template')
  const architecture = architectureOf(root)
  const machine = attribute(child(os, 'type'), 'machine') ?? ''
  const smm = attribute(child(child(root, 'features'), 'smm'), 'state')
  const secure = flag(loader, 'secure')
  const format = attribute(loader, 'format') ?? attribute(child(os, 'nvram'), 'format')
  const stateless = flag(loader, 'stateless') === true
  const kind = attribute(os, 'firmware') === 'bios' ? 'bios' : 'uefi'
  const fitting = firmware.filter((one) => {
    const needsSmm = one.features.has('requires-smm')
    return (
      one.kind === kind &&
      isForMachine(one, architecture, machine) &&
      (path === '' || one.loader.path === path) &&
      (template === undefined || one.template?.path === template) &&
      (one.mapping === 'rom' || stateless === (one.mapping === 'stateless')) &&
      (one.mapping === 'rom') === (kind === 'bios' || attribute(loader, 'type') === 'rom') &&
      (secure === undefined || secure === needsSmm) &&
      !(needsSmm && smm === 'off') &&
      sleepsAs(root, one) &&
      encryptsFor(root, one) &&
      wantedFeatures(os).every(([name, wanted]) => one.features.has(name) === wanted)
    )
  })
  if (format !== undefined) return fitting.find((one) => one.loader.format === format)
  return fitting.find((one) => one.loader.format === 'raw') ?? fitting[0]
}

function sleepsAs(root: Element, { kind, features }: Firmware): boolean {
  const pm = child(root, 'pm')
  const wants = (name: string): boolean => flag(child(pm, name), 'enabled') === true
  return (
    kind === 'bios' ||
    ((!wants('suspend-to-mem') || features.has('acpi-s3')) &&
      (!wants('suspend-to-disk') || features.has('acpi-s4')))
  )
}

/** A guest whose memory is encrypted needs a firmware that knows it; bit 2 of the policy also asks for encrypted registers. */
function encryptsFor(root: Element, { features }: Firmware): boolean {
  const security = child(root, 'launchSecurity')
  if (security === undefined) return true
  if (attribute(security, 'type') === 'sev-snp') return features.has('amd-sev-snp')
  const registers = (Number(childText(security, 'policy') ?? 0) & 4) !== 0
  return features.has(registers ? 'amd-sev-es' : 'amd-sev')
}

function wantedFeatures(os: Element): readonly (readonly [string, boolean])[] {
  const firmware = child(os, 'firmware')
  if (firmware === undefined) return []
  const wanted = children(firmware, 'feature').map(
    (one) => [attribute(one, 'name') ?? '', flag(one, 'enabled') === true] as const,
  )
  const on = (name: string): boolean | undefined => wanted.find(([one]) => one === name)?.[1]
  if (on('enrolled-keys') === true && on('secure-boot') === false)
    throw invalid(firmware, 'enrolled keys need Secure Boot')
  return wanted
}

function chooseFirmware(root: Element, os: Element, options: NormaliseOptions): void {
  const chosen = firmwareOf(root, os, options)
  if (chosen === undefined) {
    if (attribute(os, 'firmware') === 'bios') return
    const wanted = wantedFeatures(os).map(([name, on]) => `${on ? '' : 'no '}${name}`)
    throw unsupported(
      attributeNode(os, 'firmware'),
      wanted.length === 0
        ? 'no UEFI firmware for this machine was found'
        : `no UEFI firmware for this machine was found with: ${wanted.join(', ')}`,
      `Install the package ${UEFI_PACKAGES[architectureOf(root)]}, or give the files with <loader readonly="yes" type="pflash"> and <nvram template="…">`,
    )
  }
  const given = child(os, 'loader')
  const stateless = attribute(given, 'stateless')
  if (given !== undefined) os.removeChild(given)
  const flash = chosen.mapping !== 'rom'
  const loader = create(
    os,
    'loader',
    {
      readonly: flash ? 'yes' : undefined,
      type: flash ? 'pflash' : 'rom',
      stateless,
      format: chosen.loader.format === 'raw' ? undefined : chosen.loader.format,
    },
    chosen.loader.path,
  )
  insertBefore(os, loader, (one) => !['type', 'firmware'].includes(one.nodeName))
  recordFeatures(os, chosen)
  enableSmm(root, loader, chosen)
  if (chosen.template !== undefined) addNvram(root, os, loader, options, chosen.template)
}

/** As libvirt does, so that a later choice for the same domain is the same. */
function recordFeatures(os: Element, { kind, features }: Firmware): void {
  if (kind === 'bios') return
  const element = child(os, 'firmware') ?? create(os, 'firmware')
  if (element.parentNode === null) insertBefore(os, element, (one) => one.nodeName !== 'type')
  const known = children(element, 'feature').map((one) => attribute(one, 'name'))
  for (const name of ['enrolled-keys', 'secure-boot']) {
    if (known.includes(name)) continue
    const enabled = features.has(name) ? 'yes' : 'no'
    element.appendChild(create(os, 'feature', { enabled, name }))
  }
}

function enableSmm(root: Element, loader: Element, { features }: Firmware): void {
  if (!features.has('requires-smm')) return
  loader.setAttribute('secure', 'yes')
  const all = child(root, 'features') ?? insertTopLevel(root, create(root, 'features'))
  const smm = child(all, 'smm')
  if (smm === undefined) all.appendChild(create(root, 'smm', { state: 'on' }))
  else smm.setAttribute('state', 'on')
}

function isNamed(nvram: Element | undefined): boolean {
  return nvram !== undefined && (text(nvram).trim() !== '' || child(nvram, 'source') !== undefined)
}

function setTemplate(nvram: Element, template: Firmware['loader']): void {
  if (attribute(nvram, 'type') !== undefined && attribute(nvram, 'type') !== 'file') return
  setDefault(nvram, 'template', template.path)
  if (template.format === 'raw') return
  setDefault(nvram, 'templateFormat', template.format)
  setDefault(nvram, 'format', template.format)
}

/** Each domain has its own variable store; without a directory for it the XML must contain its path. */
function addNvram(
  root: Element,
  os: Element,
  loader: Element,
  options: NormaliseOptions,
  template: Firmware['loader'],
): void {
  const present = child(os, 'nvram')
  if (present !== undefined && isNamed(present)) return setTemplate(present, template)
  if (options.nvramDirectory === undefined) {
    throw invalid(present ?? loader, 'the UEFI variable store has no path', 'Give it with <nvram>')
  }
  const { format } = template
  const name = childText(root, 'name') ?? ''
  const path = `${options.nvramDirectory}/${variableStoreName(name, format)}`
  if (present !== undefined) os.removeChild(present)
  const other = (value: string): string | undefined => (value === 'raw' ? undefined : value)
  os.insertBefore(
    create(
      os,
      'nvram',
      { template: template.path, templateFormat: other(template.format), format: other(format) },
      path,
    ),
    loader.nextSibling,
  )
}
