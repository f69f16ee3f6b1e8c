import type { Attr, Element, Node } from '@xmldom/xmldom'
import { attribute, children } from '../access.ts'
import type { XmlProblem, XmlProblemCode } from '../../../errors.ts'
import { invalid, isElement, lineOf, nodePath, place } from '../location.ts'
import { parseMac, parseNumberSet, parseUuid, parseWhole } from '../values.ts'
import type { ElementRule, HostSide, ValueRule } from './rule.ts'

/** Something in a domain XML that this program does not support. */
export interface Finding {
  readonly node: Element | Attr
  readonly code: XmlProblemCode
  /** The problem, as the rest of a sentence about the node. */
  readonly what: string
  readonly hint: string | undefined
  /** The host's side that can be left out because of it; `undefined` when the guest would see a difference. */
  readonly hostSide: ClosedSide | undefined
  /** The node to skip when the XML is only looked at; `undefined` when nothing can be read without it. */
  readonly skips: Element | Attr | undefined
}

/** A host's side to leave out: that of a device, which stays, or all that an element is. */
export type ClosedSide =
  | { readonly device: Element; readonly side: HostSide }
  | { readonly device: Element; readonly side: 'all' }

/**
 * Compares an element and its descendants with a rule.
 *
 * @returns the parts that the rule does not contain or refuses, in document order
 * @throws DomainXmlError `XML_INVALID` for a value that its rule does not allow
 */
export function checkKnown(element: Element, rule: ElementRule): readonly Finding[] {
  const findings: Finding[] = []
  checkElement(element, rule, { findings, hostSide: undefined })
  return withoutCovered(findings)
}

interface Context {
  readonly findings: Finding[]
  readonly hostSide: ClosedSide | undefined
}

/** Once a device is skipped, or its host's side is closed, further problems there do not matter. */
function withoutCovered(findings: readonly Finding[]): readonly Finding[] {
  const gone = new Set(findings.flatMap(({ skips, hostSide }) => (hostSide ? [] : [skips])))
  const named = new Set<Element | Attr>()
  return findings.filter(({ node, skips, hostSide }) => {
    const own = hostSide?.device ?? skips ?? node
    const above = isElement(own) ? own.parentNode : own.ownerElement
    for (let at: Node | null = above; at !== null; at = at.parentNode) {
      if (isElement(at) && gone.has(at)) return false
    }
    if (named.has(own) || (isElement(own) && gone.has(own) && hostSide !== undefined)) return false
    named.add(own)
    return true
  })
}

function checkElement(element: Element, rule: ElementRule, context: Context): void {
  if (rule.withoutEffect !== undefined) return
  const whole: ClosedSide | undefined =
    rule.hostOnly === true ? { device: element, side: 'all' } : context.hostSide
  const own = { ...context, hostSide: whole }
  if (rule.refused !== undefined) {
    const what = `is not supported: ${rule.refused}`
    add(own, 'UNSUPPORTED_PART', element, what, target(element, rule), rule.hint)
    return
  }
  const { hostSide } = rule
  const closed: Context =
    hostSide === undefined || isHost(element, hostSide)
      ? own
      : { ...own, hostSide: { device: element, side: hostSide } }
  for (const node of element.attributes) {
    if (node.name === 'xmlns' || node.name.startsWith('xmlns:')) continue
    const value = rule.attributes?.[node.name]
    const side = node.name === rule.hostSide?.attribute ? closed : own
    if (value === undefined) {
      add(side, 'UNKNOWN_ATTRIBUTE', node, 'this attribute is not known', node)
    } else checkValue(element, node, node.value, value, side)
  }
  for (const inner of children(element)) {
    const innerRule = rule.children?.[inner.nodeName]
    const side = rule.hostSide?.parts.includes(inner.nodeName) === true ? closed : own
    if (innerRule === undefined) {
      add(side, 'UNKNOWN_ELEMENT', inner, 'this element is not known', inner)
    } else checkElement(inner, innerRule, side)
  }
  checkText(element, rule, own)
}

function isHost(element: Element, { attribute: name, isHost: value }: HostSide): boolean {
  return value !== undefined && attribute(element, name) === value
}

function add(
  { findings, hostSide }: Context,
  code: XmlProblemCode,
  node: Element | Attr,
  what: string,
  skips: Element | Attr | undefined,
  hint?: string,
): void {
  findings.push({ node, code, what, hint, hostSide, skips: removable(skips) })
}

function checkText(element: Element, rule: ElementRule, context: Context): void {
  let own = ''
  for (let node = element.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType === node.TEXT_NODE || node.nodeType === node.CDATA_SECTION_NODE) {
      own += node.nodeValue ?? ''
    }
  }
  if (rule.text !== undefined) {
    const value = rule.text.kind === 'text' ? own : own.trim()
    checkValue(element, element, value, rule.text, context)
  } else if (own.trim() !== '') {
    throw invalid(element, `unexpected text "${shorten(own.trim())}"`)
  }
}

function checkValue(
  element: Element,
  node: Element | Attr,
  value: string,
  rule: ValueRule,
  context: Context,
): void {
  switch (rule.kind) {
    case 'text':
      return
    case 'without-effect':
      if (rule.syntax !== undefined) checkValue(element, node, value, rule.syntax, context)
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
      const what = `"${shorten(value)}" is not supported; supported: ${known}`
      add(context, 'UNSUPPORTED_VALUE', node, what, gone, rule.hints?.[value])
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

/** Whether the guest sees the same machine without the host's side that a finding is about. */
export function isHostSideOnly({ hostSide }: Finding): boolean {
  return hostSide !== undefined && (hostSide.side === 'all' || hostSide.side.onlyToLook !== true)
}

/** Path, line and problem as a sentence. */
export function findingText({ node, what }: Finding): string {
  return `${place(node)}${describe(node)} ${what}`
}

/** A finding as a caller of the library gets it. */
export function problemOf(finding: Finding): XmlProblem {
  const { node, code, hint } = finding
  return {
    ...{ code, hint, place: nodePath(node), line: lineOf(node) },
    message: findingText(finding),
    hostSideOnly: isHostSideOnly(finding),
  }
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
