import { attribute, children } from '../../qemu/domain-xml/access.ts'
import type { DiskIdentity } from '../store/disks/disk-identity.ts'
import { cookieWith, elementInCookie } from './cookie-element.ts'
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
  return cookieWith(cookie, element)
}

/** The disks in a cookie; `undefined` when it has none. */
export function disksInCookie(cookie: string | undefined): readonly DiskIdentity[] | undefined {
  const element = elementInCookie(cookie, { namespace: NAMESPACE, name: 'stasis:disks' })
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
