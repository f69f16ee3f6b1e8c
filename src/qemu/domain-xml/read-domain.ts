import type { Element } from '@xmldom/xmldom'
import { DomainXmlError } from '../../errors.ts'
import type { DomainDocument } from './document.ts'
import { isElement } from './location.ts'
import { type Domain, readModel } from './model/domain.ts'
import { checkKnown, type Finding, findingText } from './schema/check.ts'
import { domainRule } from './schema/domain.ts'

/** The most findings that an error message lists. */
const MAX_NAMED = 20

/** The most findings to collect; no real domain XML has more. */
const MAX_FINDINGS = 500

export interface ReadDomainOptions {
  /** Leave out unsupported parts instead of refusing the domain. */
  readonly ignoreUnsupported?: boolean | undefined
}

export interface ReadDomain {
  readonly domain: Domain
  /** The parts that were left out, one sentence each, with path and line. */
  readonly ignored: readonly string[]
}

/**
 * Reads a domain XML into the typed description that the command line is built from.
 *
 * @throws DomainXmlError `XML_UNSUPPORTED` with every element and attribute that this program does not know or refuses, each with its path and line;
 * `XML_INVALID` for impossible values
 */
export function readDomain(document: DomainDocument, options: ReadDomainOptions = {}): ReadDomain {
  const findings = checkKnown(document.root, domainRule)
  if (findings.length === 0) return { domain: readModel(document.root), ignored: [] }
  if (findings.length > MAX_FINDINGS) throw unsupportedDomain(document, findings)
  const fatal = findings.filter((finding) => finding.leavesOut === undefined)
  if (options.ignoreUnsupported !== true || fatal.length > 0) {
    throw unsupportedDomain(document, options.ignoreUnsupported === true ? fatal : findings)
  }
  const root = prune(document.root, findings)
  return { domain: readModel(root), ignored: findings.map(findingText) }
}

/** A copy of the tree without the nodes that the findings leave out. The document itself stays whole. */
function prune(root: Element, findings: readonly Finding[]): Element {
  const gone = new Set(findings.map((finding) => finding.leavesOut))
  const copy = root.cloneNode(true) as Element
  const visit = (original: Element, twin: Element): void => {
    for (const attribute of original.attributes) {
      if (gone.has(attribute)) twin.removeAttribute(attribute.name)
    }
    const originals = [...childNodes(original)]
    const twins = [...childNodes(twin)]
    originals.forEach((node, at) => {
      const other = twins[at]
      if (other === undefined || !isElement(node) || !isElement(other)) return
      if (gone.has(node)) twin.removeChild(other)
      else visit(node, other)
    })
  }
  visit(root, copy)
  return copy
}

function* childNodes(element: Element): Generator<NonNullable<Element['firstChild']>> {
  for (let node = element.firstChild; node !== null; node = node.nextSibling) yield node
}

function unsupportedDomain(document: DomainDocument, findings: readonly Finding[]): DomainXmlError {
  const texts = findings.slice(0, MAX_NAMED).map(findingText)
  const more = findings.length - texts.length
  if (more > 0) texts.push(`${more} more things`)
  return new DomainXmlError('XML_UNSUPPORTED', texts.join('; also '), {
    operation: 'read the domain XML',
    path: document.path,
    hint: findings.every((finding) => finding.leavesOut !== undefined)
      ? 'Remove it, or use --ignore-unsupported to start the domain without it'
      : undefined,
  })
}
