import type { Attr, Element, Node } from '@xmldom/xmldom'
import { attribute, children } from '../access.ts'
import { invalid, isElement, place } from '../location.ts'
import { parseMac, parseNumberSet, parseUuid, parseWhole } from '../values.ts'
import type { ElementRule, ValueRule } from './rule.ts'

/** Something in a domain XML that this program does not support. */
export interface Finding {
  readonly node: Element | Attr
  /** The problem, as the rest of a sentence about the node. */
  readonly what: string
  /** The node to remove in order to start the domain without it; `undefined` when it cannot be removed. */
  readonly leavesOut: Element | Attr | undefined
}

/**
 * Compares an element and its descendants with a rule.
 *
 * @returns what the rule does not contain or refuses, in document order
 * @throws DomainXmlError `XML_INVALID` for a value that its rule does not allow
 */
export function checkKnown(element: Element, rule: ElementRule): readonly Finding[] {
  const findings: Finding[] = []
  checkElement(element, rule, findings)
  return withoutCovered(findings)
}

/** Once a device is left out, problems inside it do not matter. */
function withoutCovered(findings: readonly Finding[]): readonly Finding[] {
  const gone = new Set(findings.map((finding) => finding.leavesOut))
  const named = new Set<Element | Attr>()
  return findings.filter(({ node, leavesOut }) => {
    const own = leavesOut ?? node
    const above = isElement(own) ? own.parentNode : own.ownerElement
    for (let at: Node | null = above; at !== null; at = at.parentNode) {
      if (isElement(at) && gone.has(at)) return false
    }
    if (named.has(own)) return false
    named.add(own)
    return true
  })
}

function checkElement(element: Element, rule: ElementRule, findings: Finding[]): void {
  if (rule.withoutEffect !== undefined) return
  if (rule.refused !== undefined) {
    findings.push(finding(element, `is not supported: ${rule.refused}`, target(element, rule)))
    return
  }
  for (const node of element.attributes) {
    if (node.name === 'xmlns' || node.name.startsWith('xmlns:')) continue
    const value = rule.attributes?.[node.name]
    if (value === undefined) findings.push(finding(node, 'this attribute is not known', node))
    else checkValue(element, node, node.value, value, findings)
  }
  for (const inner of children(element)) {
    const innerRule = rule.children?.[inner.nodeName]
    if (innerRule === undefined) findings.push(finding(inner, 'this element is not known', inner))
    else checkElement(inner, innerRule, findings)
  }
  checkText(element, rule, findings)
}

function checkText(element: Element, rule: ElementRule, findings: Finding[]): void {
  let own = ''
  for (let node = element.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType === node.TEXT_NODE || node.nodeType === node.CDATA_SECTION_NODE) {
      own += node.nodeValue ?? ''
    }
  }
  if (rule.text !== undefined) {
    const value = rule.text.kind === 'text' ? own : own.trim()
    checkValue(element, element, value, rule.text, findings)
  } else if (own.trim() !== '') {
    throw invalid(element, `unexpected text "${shorten(own.trim())}"`)
  }
}

function checkValue(
  element: Element,
  node: Element | Attr,
  value: string,
  rule: ValueRule,
  findings: Finding[],
): void {
  switch (rule.kind) {
    case 'text':
    case 'without-effect':
      return
    case 'refused':
      findings.push(finding(node, `is not supported: ${rule.reason}`, device(element)))
      return
    case 'choice': {
      if (rule.of.includes(value)) return
      const gone =
        rule.leavesOut === 'attribute'
          ? node
          : rule.leavesOut === 'element'
            ? element
            : device(element)
      const known = rule.of.map((one) => `"${one}"`).join(', ')
      findings.push(
        finding(node, `"${shorten(value)}" is not supported; supported: ${known}`, removable(gone)),
      )
      return
    }
    case 'whole':
      return complain(node, value, parseWhole(value) !== undefined, 'a whole number')
    case 'signed':
      return complain(node, value, parseWhole(value.replace(/^-/, '')) !== undefined, 'a number')
    case 'yes-no':
      return complain(node, value, value === 'yes' || value === 'no', '"yes" or "no"')
    case 'on-off':
      return complain(node, value, value === 'on' || value === 'off', '"on" or "off"')
    case 'uuid':
      return complain(node, value, parseUuid(value) !== undefined, 'a UUID')
    case 'mac':
      return complain(node, value, parseMac(value) !== undefined, 'a unicast MAC address')
    case 'set':
      return complain(
        node,
        value,
        parseNumberSet(value) !== undefined,
        'a list of numbers like 0-3,8',
      )
  }
}

function complain(node: Element | Attr, value: string, good: boolean, wanted: string): void {
  if (!good) throw invalid(node, `"${shorten(value)}" is not ${wanted}`)
}

function finding(
  node: Element | Attr,
  what: string,
  leavesOut: Element | Attr | undefined,
): Finding {
  return { node, what, leavesOut: removable(leavesOut) }
}

/** Path, line and problem as a sentence. */
export function findingText({ node, what }: Finding): string {
  return `${place(node)}${describe(node)} ${what}`
}

/** An attribute identifies some elements, which helps where there are many of them. */
function describe(node: Element | Attr): string {
  if (!isElement(node)) return ':'
  const kind = attribute(node, 'type') ?? attribute(node, 'model') ?? attribute(node, 'name')
  return kind === undefined ? ':' : `, "${shorten(kind)}":`
}

function target(element: Element, rule: ElementRule): Element | undefined {
  return rule.carries === 'device' ? device(element) : element
}

/** The device that an element belongs to: its ancestor directly below `<devices>`, or else the element. */
function device(element: Element): Element {
  for (let at: Element = element; ;) {
    const parent = at.parentNode
    if (parent === null || !isElement(parent)) return element
    if (parent.nodeName === 'devices') return at
    at = parent
  }
}

/** The root and the elements that a domain must have cannot be left out. */
function removable(node: Element | Attr | undefined): Element | Attr | undefined {
  if (node === undefined) return undefined
  const path = isElement(node) ? names(node) : `${names(node.ownerElement)}/@${node.name}`
  const needed = ['/domain', '/domain/@type', '/domain/os', '/domain/os/type', '/domain/memory']
  return needed.includes(path) || path.startsWith('/domain/os/type/') ? undefined : node
}

function names(element: Element | null): string {
  let path = ''
  for (let at: Node | null = element; at !== null && isElement(at); at = at.parentNode) {
    path = `/${at.nodeName}${path}`
  }
  return path
}

function shorten(value: string): string {
  return value.length > 60 ? `${value.slice(0, 60)}…` : value
}
