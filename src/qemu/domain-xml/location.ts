import type { Attr, Document, Element, Node } from '@xmldom/xmldom'
import { DomainXmlError } from '../../errors.ts'

const sources = new WeakMap<Document, string>()

/** Records which file a document came from, so that errors can name it. */
export function recordSource(document: Document, path: string | undefined): void {
  if (path !== undefined) sources.set(document, path)
}

/** The file that the document of `node` came from, if any. */
function sourceOf(node: Node): string | undefined {
  const document = node.ownerDocument
  return document === null ? undefined : sources.get(document)
}

/** The path of a node as people write it: `/domain/devices/disk[2]/target/@dev`. */
export function nodePath(node: Element | Attr): string {
  if (isAttribute(node)) {
    const owner = node.ownerElement
    return `${owner === null ? '' : nodePath(owner)}/@${node.name}`
  }
  const parent = node.parentNode
  if (parent === null || !isElement(parent)) return `/${node.nodeName}`
  return `${nodePath(parent)}/${node.nodeName}${twinIndex(node)}`
}

/** `[2]` for the second of several siblings of one name, empty for a single one. */
function twinIndex(node: Element): string {
  let before = 0
  for (let at = node.previousSibling; at !== null; at = at.previousSibling) {
    if (at.nodeName === node.nodeName) before++
  }
  if (before > 0) return `[${before + 1}]`
  for (let at = node.nextSibling; at !== null; at = at.nextSibling) {
    if (at.nodeName === node.nodeName) return '[1]'
  }
  return ''
}

/** The line of a node in the text that it came from. */
export function lineOf(node: Element | Attr): number | undefined {
  return node.lineNumber ?? (isAttribute(node) ? node.ownerElement?.lineNumber : undefined)
}

/** The path of a node, and its line when it came from a text: `/domain/name (line 2)`. */
export function place(node: Element | Attr): string {
  const line = lineOf(node)
  return line === undefined ? nodePath(node) : `${nodePath(node)} (line ${line})`
}

/** The error for an impossible value at `node`. */
export function invalid(node: Element | Attr, text: string, hint?: string): DomainXmlError {
  return new DomainXmlError('XML_INVALID', `${place(node)}: ${text}`, {
    operation: 'read the domain XML',
    path: sourceOf(node),
    hint,
  })
}

/** The error for something at `node` that libvirt may support and this program does not. */
export function unsupported(node: Element | Attr, text: string, hint?: string): DomainXmlError {
  const message = `${place(node)}: ${text}`
  return new DomainXmlError('XML_UNSUPPORTED', message, {
    operation: 'read the domain XML',
    path: sourceOf(node),
    hint,
    problems: [
      {
        ...{ code: 'UNSUPPORTED_PART', place: nodePath(node), line: lineOf(node) },
        ...{ message, hint, hostSideOnly: false },
      },
    ],
  })
}

/** Whether a DOM node is an element. */
export function isElement(node: Node): node is Element {
  return node.nodeType === node.ELEMENT_NODE
}

function isAttribute(node: Node): node is Attr {
  return node.nodeType === node.ATTRIBUTE_NODE
}
