import type { Element } from '@xmldom/xmldom'
import { attribute, children, flag } from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseWhole } from '../../values.ts'
import { type CharacterBackend, readBackend } from './character.ts'
import { type Device, readDevice } from '../buses/device.ts'

/** A place for a USB device of another machine. */
export interface RedirectedDevice extends Device {
  readonly backend: CharacterBackend
}

/** A rule about which USB devices may be redirected; `undefined` stands for every value. */
export interface RedirectionRule {
  readonly class: number | undefined
  readonly vendor: number | undefined
  readonly product: number | undefined
  /** In binary-coded decimal, as USB has it: 1.1 and 1.10 are 0x0110. */
  readonly version: number | undefined
  readonly allow: boolean
}

/** Reads a `<redirdev>`. */
export function readRedirectedDevice(element: Element): RedirectedDevice {
  return { ...readDevice(element), backend: readBackend(element, 'spicevmc', 'org.qemu.usbredir') }
}

/** Reads a `<redirfilter>`. @throws DomainXmlError `XML_INVALID` */
export function readRedirectionFilter(element: Element): readonly RedirectionRule[] {
  return children(element, 'usbdev').map((rule) => ({
    class: number(rule, 'class', 0xff),
    vendor: number(rule, 'vendor', 0xffff),
    product: number(rule, 'product', 0xffff),
    version: version(rule),
    allow: flag(rule, 'allow') === true,
  }))
}

function number(rule: Element, name: string, largest: number): number | undefined {
  const text = attribute(rule, name)
  if (text === undefined || text === '-1') return undefined
  const value = parseWhole(text)
  if (value === undefined || value > largest)
    throw invalid(rule, `"${text}" is not a valid ${name} of a USB device`)
  return value
}

function version(rule: Element): number | undefined {
  const text = attribute(rule, 'version')
  if (text === undefined || text === '-1') return undefined
  const { major = '', minor = '' } =
    /^(?<major>\d{1,2})\.(?<minor>\d{1,2})$/.exec(text)?.groups ?? {}
  if (major === '') throw invalid(rule, `"${text}" is not a valid version of a USB device`)
  return Number.parseInt(`${major}${minor.padEnd(2, '0')}`, 16)
}
