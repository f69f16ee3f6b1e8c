import type { Element } from '@xmldom/xmldom'
import type { DomainDocument } from './document.ts'
import { isElement } from './location.ts'

/**
 * Prints a domain XML as libvirt does: two spaces a level, single quotes, `<x/>` for empty elements, a line break at the end. The output of libvirt
 * is reproduced byte for byte. The content of `<metadata>` has double quotes, as in libvirt.
 */
export function formatDomainXml(document: DomainDocument): string {
  return printElement(document.root, '', "'")
}

/** Prints a part of a domain XML as libxml2 does: in the same way, but with double quotes. */
export function formatPart(element: Element): string {
  return printElement(element, '', '"')
}

function printElement(element: Element, indent: string, quote: string): string {
  const open = `${indent}<${element.nodeName}${printAttributes(element, quote)}`
  if (element.firstChild === null) return `${open}/>\n`
  const close = `</${element.nodeName}>\n`
  const inner = element.nodeName === 'metadata' ? '"' : quote
  if (!hasElements(element)) {
    const text = printInline(element, inner)
    const comment = [...nodes(element)].some((node) => node.nodeType === node.COMMENT_NODE)
    if (text.trim() === '' && text !== '') return `${open}/>\n`
    if (!comment) return `${open}>${text}${close}`
  }
  if (isMixed(element)) return `${open}>${printInline(element, inner)}${close}`
  let body = ''
  for (const node of nodes(element)) {
    if (isElement(node)) body += printElement(node, `${indent}  `, inner)
    else if (node.nodeType === node.COMMENT_NODE) body += `${indent}  <!--${node.nodeValue}-->\n`
  }
  return `${open}>\n${body}${indent}${close}`
}

/** Text and elements side by side, which only foreign metadata has: printed with its white space unchanged. */
function printInline(element: Element, quote: string): string {
  let body = ''
  for (const node of nodes(element)) {
    if (isElement(node)) {
      const open = `<${node.nodeName}${printAttributes(node, quote)}`
      body +=
        node.firstChild === null
          ? `${open}/>`
          : `${open}>${printInline(node, quote)}</${node.nodeName}>`
    } else if (isText(node)) body += escapeText(node.nodeValue ?? '', quote)
  }
  return body
}

function printAttributes(element: Element, quote: string): string {
  let body = ''
  for (const { name, value } of element.attributes) {
    body += ` ${name}=${quote}${escapeXml(value, quote).replaceAll('\n', '&#10;')}${quote}`
  }
  return body
}

/** libvirt escapes both quotes in its own part, libxml2 in the metadata only where necessary. */
function escapeXml(text: string, quote: string): string {
  const escaped = escapeMarkup(text).replaceAll('"', '&quot;')
  return quote === '"' ? escaped : escaped.replaceAll("'", '&apos;')
}

function escapeText(text: string, quote: string): string {
  return quote === '"' ? escapeMarkup(text) : escapeXml(text, quote)
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function hasElements(element: Element): boolean {
  return [...nodes(element)].some(isElement)
}

function isMixed(element: Element): boolean {
  return (
    hasElements(element) &&
    [...nodes(element)].some((node) => isText(node) && node.nodeValue?.trim() !== '')
  )
}

type Child = NonNullable<Element['firstChild']>

function* nodes(element: Element): Generator<Child> {
  for (let node = element.firstChild; node !== null; node = node.nextSibling) yield node
}

function isText(node: Child): boolean {
  return node.nodeType === node.TEXT_NODE || node.nodeType === node.CDATA_SECTION_NODE
}
