import { cookieWith } from './cookie-element.ts'

const NAMESPACE = 'urn:stasis:freeze:1'

/** Records in a cookie that the file systems of the guest are frozen: a program that restores the image must thaw them. */
export function cookieWithFreeze(cookie: string): string {
  const element = `  <stasis:frozen xmlns:stasis='${NAMESPACE}'/>\n`
  return cookieWith(cookie, element)
}

/** Whether a cookie says that. A thaw of a guest that is not frozen does no harm. */
export function isFrozenInCookie(cookie: string | undefined): boolean {
  return cookie?.includes(`<stasis:frozen xmlns:stasis='${NAMESPACE}'`) === true
}
