import type { Attr, Element } from '@xmldom/xmldom'
import { DomainXmlError } from '../../errors.ts'
import type { DomainDocument } from './document.ts'
import { isElement } from './location.ts'
import { type Domain, readModel } from './model/domain.ts'
import { checkKnown, type Finding, findingText, isHostSideOnly, problemOf } from './schema/check.ts'
import { domainRule } from './schema/domain.ts'
import type { HostSide } from './schema/rule.ts'

export interface ReadDomainOptions {
  /**
   * Leave out the host's side of devices where it is not supported. The guest keeps the device, and nothing that it sees changes; anything else that is
   * not supported is still refused.
   */
  readonly ignoreUnsupported?: boolean | undefined
  /** Read as much as possible, to look at it and never to run it: skip every part that is not supported. */
  readonly tolerant?: boolean | undefined
}

export interface ReadDomain {
  readonly domain: Domain
  /** The parts that were left out, one sentence each, with path and line. */
  readonly ignored: readonly string[]
}

/**
 * Reads a domain XML into the typed description that the command line is built from.
 *
 * @throws DomainXmlError `XML_UNSUPPORTED` with every element and attribute that this program does not know or refuses in `problems`;
 * `XML_INVALID` for impossible values
 */
export function readDomain(document: DomainDocument, options: ReadDomainOptions = {}): ReadDomain {
  const findings = checkKnown(document.root, domainRule)
  if (findings.length === 0) return { domain: readModel(document.root), ignored: [] }
  const fatal = findings.filter((finding) =>
    options.tolerant === true
      ? finding.hostSide === undefined && finding.skips === undefined
      : options.ignoreUnsupported !== true || !isHostSideOnly(finding),
  )
  if (fatal.length > 0) throw unsupportedDomain(document, fatal)
  const root = prune(document.root, findings)
  return { domain: readModel(root), ignored: findings.map(ignoredText) }
}

function ignoredText(finding: Finding): string {
  const text = findingText(finding)
  if (finding.hostSide === undefined || finding.hostSide.side === 'all') return text
  return `${text}. The guest keeps the device, connected to nothing`
}

/** A copy of the tree without the parts that the findings leave out. The document itself stays whole. */
function prune(root: Element, findings: readonly Finding[]): Element {
  const gone = new Set<Element | Attr | undefined>()
  const closed = new Map<Element, HostSide>()
  for (const { hostSide, skips } of findings) {
    if (hostSide === undefined) gone.add(skips)
    else if (hostSide.side === 'all') gone.add(hostSide.device)
    else closed.set(hostSide.device, hostSide.side)
  }
  const copy = root.cloneNode(true) as Element
  const visit = (original: Element, twin: Element): void => {
    for (const attribute of original.attributes) {
      if (gone.has(attribute)) twin.removeAttribute(attribute.name)
    }
    const side = closed.get(original)
    if (side !== undefined) twin.setAttribute(side.attribute, side.closed)
    const originals = [...childNodes(original)]
    const twins = [...childNodes(twin)]
    originals.forEach((node, at) => {
      const other = twins[at]
      if (other === undefined || !isElement(node) || !isElement(other)) return
      if (gone.has(node) || side?.parts.includes(node.nodeName) === true) twin.removeChild(other)
      else visit(node, other)
    })
  }
  visit(root, copy)
  return copy
}

function* childNodes(element: Element): Generator<NonNullable<Element['firstChild']>> {
  for (let node = element.firstChild; node !== null; node = node.nextSibling) yield node
}

/** The most problems that an error lists; no real domain XML has more. */
const MAX_PROBLEMS = 500

function unsupportedDomain(document: DomainDocument, findings: readonly Finding[]): DomainXmlError {
  const [first] = findings
  const several = `${findings.length} parts of the domain XML are not supported`
  const closable = findings.every(isHostSideOnly)
  return new DomainXmlError(
    'XML_UNSUPPORTED',
    findings.length === 1 && first !== undefined ? findingText(first) : several,
    {
      operation: 'read the domain XML',
      path: document.path,
      problems: findings.slice(0, MAX_PROBLEMS).map(problemOf),
      hint:
        (findings.length === 1 ? first?.hint : undefined) ??
        (closable
          ? 'Change it, or use --ignore-unsupported: the guest keeps its devices, connected to nothing'
          : 'Change the XML. --ignore-unsupported leaves out only parts that the guest does not see'),
    },
  )
}
