import type { Element } from '@xmldom/xmldom'
import { child } from '../../qemu/domain-xml/access.ts'
import { parseXml } from '../../qemu/domain-xml/parse-xml.ts'

/** Adds an element of ours to a cookie, after the others. */
export function cookieWith(cookie: string, element: string): string {
  // A function: in a text, `$&` and the like of a path would be replaced.
  return cookie.replace(/(?=<\/cookie>\s*$)/, () => element)
}

/** The first element of ours with this name in a cookie; `undefined` when it has none, or is malformed. */
export function elementInCookie(
  cookie: string | undefined,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Element | undefined {
  if (cookie === undefined || !cookie.includes(namespace)) return undefined
  try {
    return child(parseXml(cookie).documentElement ?? undefined, name)
  } catch {
    return undefined
  }
}
