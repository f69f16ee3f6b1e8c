import type { Firmware } from '../../src/qemu/domain-xml/firmware.ts'
import { formatDomainXml } from '../../src/qemu/domain-xml/format.ts'
import type { NormaliseOptions } from '../../src/qemu/domain-xml/normalise/options.ts'
import { normaliseDomain } from '../../src/qemu/domain-xml/normalise.ts'
import { parseDomainXml } from '../../src/qemu/domain-xml/parse.ts'
import { readDomain } from '../../src/qemu/domain-xml/read-domain.ts'
import type { Domain } from '../../src/qemu/domain-xml/model/domain.ts'

/** A small domain called `web`. */
export function domainXml(machine: string, devices = '', rest = ''): string {
  return `<domain type='qemu'><name>web</name><memory unit='MiB'>64</memory>${rest}
<os><type machine='${machine}'>hvm</type></os><devices>${devices}</devices></domain>`
}

export const ACPI = '<features><acpi/></features>'

/** A UEFI firmware as its descriptor has it. */
export function firmware(
  loader: string,
  template: string,
  features: readonly string[] = [],
  machines: readonly string[] = ['*'],
): Firmware {
  return {
    kind: 'uefi',
    mapping: 'split',
    loader: { path: loader, format: 'raw' },
    template: { path: template, format: 'raw' },
    targets: [{ architecture: 'x86_64', machines }],
    features: new Set(features),
  }
}

/** The complete XML. */
export function normalise(text: string, options?: NormaliseOptions): string {
  return formatDomainXml(normaliseDomain(parseDomainXml(text), options))
}

/** The domain in the complete XML. */
export function domain(text: string): Domain {
  return readDomain(normaliseDomain(parseDomainXml(text))).domain
}

/** `bus:slot.function` of a device. */
export function at(
  device: { readonly address: Domain['disks'][number]['address'] } | undefined,
): string {
  const address = device?.address
  if (address?.type !== 'pci') return String(address?.type)
  return `${address.bus}:${address.slot.toString(16)}.${address.function}`
}
