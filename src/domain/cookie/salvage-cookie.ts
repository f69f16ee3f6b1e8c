import { attribute } from '../../qemu/domain-xml/access.ts'
import { cookieWith, elementInCookie } from './cookie-element.ts'
import { escapeXml } from './escape-xml.ts'

const NAMESPACE = 'urn:stasis:salvage:1'

/** That an image was salvaged from a damaged one; stored in its cookie. */
export interface Salvage {
  /** ISO 8601. */
  readonly time: string
  /** The damaged image. */
  readonly from: string
  /** Pages that were damaged and are zero now. */
  readonly zeroedPages: number
  /** Pages that were kept, although they may be damaged. */
  readonly suspectPages: number
}

/** Adds the mark of a salvage to a cookie. An older mark stays before it. */
export function cookieWithSalvage(
  cookie: string | undefined,
  { time, from, zeroedPages, suspectPages }: Salvage,
): string {
  const element =
    `  <stasis:salvage xmlns:stasis='${NAMESPACE}' time='${time}' from='${escapeXml(from)}'` +
    ` zeroed-pages='${zeroedPages}' suspect-pages='${suspectPages}'/>\n`
  return cookieWith(cookie ?? '<cookie>\n</cookie>\n', element)
}

/** The mark of a salvage in a cookie, if it has one. */
export function salvageInCookie(cookie: string | undefined): Salvage | undefined {
  const element = elementInCookie(cookie, { namespace: NAMESPACE, name: 'stasis:salvage' })
  if (element === undefined) return undefined
  const number = (name: string): number => Number(attribute(element, name) ?? 0) || 0
  return {
    time: attribute(element, 'time') ?? '',
    from: attribute(element, 'from') ?? '',
    zeroedPages: number('zeroed-pages'),
    suspectPages: number('suspect-pages'),
  }
}

/** One sentence about a salvage. */
export function describeSalvage({ time, zeroedPages, suspectPages }: Salvage): string {
  const suspect = suspectPages === 0 ? '' : `; ${suspectPages} more may be damaged`
  return `the image was salvaged at ${time}: ${zeroedPages} pages of its guest were damaged and are zero${suspect}`
}
