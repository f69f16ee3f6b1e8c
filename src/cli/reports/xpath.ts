import { type Attr, type Document, type Element, type Node, XMLSerializer } from '@xmldom/xmldom'
// oxlint-disable-next-line import/default
import xpath from 'xpath'
import { UsageError } from '../../errors.ts'
import { formatPart } from '../../qemu/domain-xml/format.ts'
import { parseXml } from '../../qemu/domain-xml/parse-xml.ts'

/** Which part of an XML to show, with commander's names. */
export interface XPathFlags {
  readonly xpath?: string
  readonly wrap?: boolean
}

/**
 * The parts of an XML that an XPath 1.0 expression selects, printed as virsh prints them: each on lines of its own, or with `wrap` in one `<nodes>`. Without an expression the whole XML. The value of an
 * expression that selects no parts, such as `count(//disk)`, is printed as it is.
 * @throws UsageError BAD_ARGUMENT for an expression that is wrong
 */
export function selectedXml(xml: string, { xpath: expression, wrap }: XPathFlags): string {
  if (expression === undefined) return xml.trimEnd()
  const document = parseXml(xml)
  const found = evaluate(expression, document)
  if (!Array.isArray(found)) return String(found)
  return (wrap === true ? wrapped(document, found) : found.map(printed).join('\n')).trimEnd()
}

function evaluate(expression: string, document: Document): ReturnType<typeof xpath.select> {
  try {
    return xpath.select(expression, document)
  } catch (cause) {
    const reason = cause instanceof Error ? `: ${cause.message}` : ''
    throw new UsageError('BAD_ARGUMENT', `"${expression}" is not a valid XPath${reason}`)
  }
}

function printed(node: Node): string {
  if (isElement(node)) return formatPart(node).trimEnd()
  return node.nodeType === node.DOCUMENT_NODE
    ? printedDocument(node as Document)
    : new XMLSerializer().serializeToString(node)
}

function printedDocument({ documentElement }: Document): string {
  return documentElement === null ? '' : printed(documentElement)
}

/** As with virsh, an attribute becomes an attribute of `<nodes>`. */
function wrapped(document: Document, nodes: readonly Node[]): string {
  const all = document.createElement('nodes')
  for (const node of nodes) {
    if (node.nodeType === node.ATTRIBUTE_NODE) {
      const { name, value } = node as Attr
      all.setAttribute(name, value)
    } else if (node.nodeType !== node.DOCUMENT_NODE) all.appendChild(node.cloneNode(true))
  }
  return formatPart(all)
}

function isElement(node: Node): node is Element {
  return node.nodeType === node.ELEMENT_NODE
}
