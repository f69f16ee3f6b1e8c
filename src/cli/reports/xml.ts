import type { Answer } from '../verb.ts'
import type { XPathFlags } from './xpath.ts'

/** The report of a verb that shows an XML, or parts of it. @throws as `selectedXml` */
export async function xmlReport(xml: string, flags: XPathFlags): Promise<Answer> {
  if (flags.xpath === undefined) return { text: xml.trimEnd(), json: { type: 'result', xml } }
  // XPath takes 2 ms to load, even with its compiled code at hand.
  const { selectedXml } = await import('./xpath.ts')
  const text = selectedXml(xml, flags)
  return { text, json: { type: 'result', xml: text } }
}
