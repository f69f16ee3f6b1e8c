import { attribute } from '../../qemu/domain-xml/access.ts'
import { cookieWith, elementInCookie } from './cookie-element.ts'

const MARK = { namespace: 'urn:stasis:live:1', name: 'stasis:live' } as const

/** What a cookie says about an image whose guest continued. */
export interface LiveMark {
  /** When the save began, ISO 8601. */
  readonly time: string
}

/** Records in a cookie that the guest continued after the save: whatever it has done to its disks since, the image does not know. */
export function cookieWithLive(cookie: string, time: Date): string {
  const element = `  <stasis:live xmlns:stasis='${MARK.namespace}' time='${time.toISOString()}'/>\n`
  return cookieWith(cookie, element)
}

/** The mark in a cookie; `undefined` when the guest did not continue. */
export function liveInCookie(cookie: string | undefined): LiveMark | undefined {
  const element = elementInCookie(cookie, MARK)
  return element === undefined ? undefined : { time: attribute(element, 'time') ?? '' }
}
