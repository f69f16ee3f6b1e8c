import { DomainXmlError } from '../../errors.ts'
import { child, children } from './access.ts'
import { formatDomainXml } from './format.ts'
import { HIDDEN_PASSWORD } from './hidden-password.ts'
import { parseDomainXml } from './parse.ts'

/**
 * The domain XML of an image for a person: in the form of libvirt, with each element on a line of its own, and without passwords unless these are to be
 * shown. Text that is not XML stays as it is.
 */
export function shownXml(xml: string, passwords: { readonly show: boolean }): string {
  try {
    const text = formatDomainXml(parseDomainXml(xml))
    return passwords.show ? text : hidePasswords(text)
  } catch (error) {
    if (!(error instanceof DomainXmlError) || (xml.includes('passwd') && !passwords.show))
      throw error
    return xml
  }
}

/** A domain XML that shows no password. Text without any stays as it is. */
export function hidePasswords(xml: string): string {
  if (!xml.includes('passwd')) return xml
  const document = parseDomainXml(xml)
  const devices = child(document.root, 'devices')
  const displays = devices === undefined ? [] : children(devices, 'graphics')
  const secret = displays.filter((one) => one.hasAttribute('passwd'))
  if (secret.length === 0) return xml
  for (const one of secret) one.setAttribute('passwd', HIDDEN_PASSWORD)
  return formatDomainXml(document)
}
