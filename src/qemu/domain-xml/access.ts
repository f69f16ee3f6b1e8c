import type { Attr, Element } from '@xmldom/xmldom'
import { invalid, isElement } from './location.ts'
import { parseWhole, unitFactor } from './values.ts'

/** The element's child elements, optionally only those of one name, in document order. */
export function children(element: Element, name?: string): Element[] {
  const found: Element[] = []
  for (let node = element.firstChild; node !== null; node = node.nextSibling) {
    if (isElement(node) && (name === undefined || node.nodeName === name)) found.push(node)
  }
  return found
}

/** The first child element of that name. */
export function child(element: Element | undefined, name: string): Element | undefined {
  if (element === undefined) return undefined
  for (let node = element.firstChild; node !== null; node = node.nextSibling) {
    if (isElement(node) && node.nodeName === name) return node
  }
  return undefined
}

/** The attribute's value; `undefined` when the element or the attribute does not exist. */
export function attribute(element: Element | undefined, name: string): string | undefined {
  return element?.getAttribute(name) ?? undefined
}

/** The attribute's value; @throws DomainXmlError `XML_INVALID` when it does not exist. */
export function requiredAttribute(element: Element, name: string): string {
  const value = attribute(element, name)
  if (value === undefined || value === '') {
    throw invalid(element, `the attribute "${name}" is missing`)
  }
  return value
}

/** The child's value; @throws DomainXmlError `XML_INVALID` when it does not exist. */
export function requiredChild(element: Element, name: string): Element {
  const found = child(element, name)
  if (found === undefined) throw invalid(element, `the element <${name}> is missing`)
  return found
}

/** The attribute as a whole number (decimal or 0x…); `undefined` when it does not exist. */
export function whole(element: Element | undefined, name: string): number | undefined {
  const value = attribute(element, name)
  if (element === undefined || value === undefined) return undefined
  const number = parseWhole(value)
  if (number === undefined)
    throw invalid(attributeNode(element, name), `"${value}" is not a whole number`)
  return number
}

/** The attribute as a switch: yes/on is true, no/off is false, absent is `undefined`. */
export function flag(element: Element | undefined, name: string): boolean | undefined {
  const value = attribute(element, name)
  if (value === undefined) return undefined
  return value === 'yes' || value === 'on'
}

/** The element's text, unchanged. */
export function text(element: Element): string {
  return element.textContent ?? ''
}

/** The text of a child; `undefined` when it does not exist. */
export function childText(element: Element | undefined, name: string): string | undefined {
  const found = child(element, name)
  return found === undefined ? undefined : text(found)
}

/** The element's text as a whole number. */
export function wholeText(element: Element): number {
  const number = parseWhole(text(element).trim())
  if (number === undefined)
    throw invalid(element, `"${text(element).trim()}" is not a whole number`)
  return number
}

/**
 * A size with a `unit` attribute, in bytes. `value` is the attribute with the number; without it the text is the number. Units and the default KiB
 * are libvirt's: https://libvirt.org/formatdomain.html#memory-allocation
 */
export function sizeInBytes(element: Element, value?: string, unitWhenAbsent = 'KiB'): number {
  const number = value === undefined ? wholeText(element) : whole(element, value)
  if (number === undefined) throw invalid(element, `the attribute "${value}" is missing`)
  const unit = attribute(element, 'unit') ?? unitWhenAbsent
  const factor = unitFactor(unit)
  if (factor === undefined) {
    throw invalid(attributeNode(element, 'unit'), `"${unit}" is not a unit of size`)
  }
  const bytes = number * factor
  if (!Number.isSafeInteger(bytes)) throw invalid(element, `${number} ${unit} is too large`)
  return bytes
}

/** The attribute's node, for error messages; the element where the attribute does not exist. */
export function attributeNode(element: Element, name: string): Attr | Element {
  return element.getAttributeNode(name) ?? element
}
