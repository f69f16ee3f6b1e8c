import { child, children } from './access.ts'
import { formatDomainXml } from './format.ts'
import { parseDomainXml } from './parse.ts'

/** The placeholder of a password that is not shown. No display takes it as its password. */
export const HIDDEN_PASSWORD = '*****'

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
