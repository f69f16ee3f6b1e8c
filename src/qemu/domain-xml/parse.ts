import type { Document, Element } from '@xmldom/xmldom'
import { attribute, child, text } from './access.ts'
import type { DomainDocument } from './document.ts'
import { invalid } from './location.ts'
import { malformed, parseXml } from './parse-xml.ts'
import { checkKnown } from './schema/check.ts'
import { domainRule } from './schema/domain.ts'
import { placeVolumes } from './storage-volumes.ts'

/** Options for parsing a domain XML. */
export interface ParseOptions {
  /** The file that `text` came from, for error messages. */
  readonly path?: string | undefined
}

/**
 * Parses a libvirt domain XML (https://libvirt.org/formatdomain.html) into a tree. Keeps elements that this program does not know; `readDomain`
 * judges them. Volumes of libvirt's storage pools become the files and devices that they are on this host.
 *
 * @throws DomainXmlError `XML_MALFORMED` when the text is not XML (with line and column), `XML_INVALID` when it is not a domain, lacks a name, memory
 * or OS type, or has an impossible value: the message contains the element's path and line.
 */
export function parseDomainXml(text: string, options: ParseOptions = {}): DomainDocument {
  const document = parseXml(text, options.path)
  const root = document.documentElement
  if (root === null) throw malformed('it has no element', options.path)
  if (root.nodeName !== 'domain') {
    throw invalid(root, `the root element is <${root.nodeName}>, not <domain>`)
  }
  useUsualPrefix(root)
  placeVolumes(root)
  checkKnown(root, domainRule)
  checkEssentials(root)
  return { document, root, path: options.path }
}

function checkEssentials(root: NonNullable<Document['documentElement']>): void {
  if (attribute(root, 'type') === undefined) throw invalid(root, 'the attribute "type" is missing')
  const name = child(root, 'name')
  if (name === undefined) throw invalid(root, 'the element <name> is missing')
  if (text(name) === '') throw invalid(name, 'the name is empty')
  if (/[/\n\0]/.test(text(name))) {
    throw invalid(name, 'a name must not contain a slash or a line break')
  }
  if (child(root, 'memory') === undefined && child(child(root, 'cpu'), 'numa') === undefined)
    throw invalid(root, 'the element <memory> is missing')
  const os = child(root, 'os')
  if (os === undefined) throw invalid(root, 'the element <os> is missing')
  if (child(os, 'type') === undefined) throw invalid(os, 'the element <type> is missing')
}

/** https://libvirt.org/drvqemu.html#pass-through-of-arbitrary-qemu-commands */
const QEMU_NAMESPACE = 'http://libvirt.org/schemas/domain/qemu/1.0'

/** Gives the elements of libvirt's namespace for QEMU the prefix `qemu`, whatever prefix their document has for it. */
function useUsualPrefix(root: Element): void {
  for (const element of [root, ...root.getElementsByTagNameNS(QEMU_NAMESPACE, '*')]) {
    if (element.namespaceURI !== QEMU_NAMESPACE || element.prefix === 'qemu') continue
    const name = `qemu:${element.localName}`
    Object.assign(element, { prefix: 'qemu', nodeName: name, tagName: name })
    element.setAttribute('xmlns:qemu', QEMU_NAMESPACE)
  }
}
