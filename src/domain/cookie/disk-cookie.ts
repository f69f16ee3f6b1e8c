import type { Element } from '@xmldom/xmldom'
import { attribute, child, children } from '../../qemu/domain-xml/access.ts'
import { parseXml } from '../../qemu/domain-xml/parse-xml.ts'
import type { DiskIdentity } from '../store/disk-identity.ts'
import { escapeXml } from './escape-xml.ts'

const NAMESPACE = 'urn:stasis:disks:1'

/** Adds the identity of the disks after the save to a cookie, so that another host can detect changes. */
export function cookieWithDisks(cookie: string, disks: readonly DiskIdentity[]): string {
  const lines = disks.map(
    ({ target, path, sizeBytes, modifiedNs, content }) =>
      `    <stasis:disk target='${escapeXml(target)}' path='${escapeXml(path)}' size='${sizeBytes}' modified='${modifiedNs}'` +
      `${content === undefined ? '' : ` content='${content}'`}/>\n`,
  )
  const element = `  <stasis:disks xmlns:stasis='${NAMESPACE}'>\n${lines.join('')}  </stasis:disks>\n`
  return cookie.replace(/(?=<\/cookie>\s*$)/, element)
}

/** The disks in a cookie; `undefined` when it has none. */
export function disksInCookie(cookie: string | undefined): readonly DiskIdentity[] | undefined {
  if (cookie === undefined || !cookie.includes(NAMESPACE)) return undefined
  let element: Element | undefined
  try {
    element = child(parseXml(cookie).documentElement ?? undefined, 'stasis:disks')
  } catch {
    return undefined
  }
  if (element === undefined) return undefined
  return children(element, 'stasis:disk').flatMap((disk): DiskIdentity[] => {
    const [target, path, size, modifiedNs] = ['target', 'path', 'size', 'modified'].map((name) =>
      attribute(disk, name),
    )
    const sizeBytes = Number(size)
    if (target === undefined || path === undefined || !Number.isSafeInteger(sizeBytes)) return []
    if (modifiedNs === undefined || !/^\d{1,30}$/.test(modifiedNs)) return []
    return [{ target, path, sizeBytes, modifiedNs, content: attribute(disk, 'content') }]
  })
}
