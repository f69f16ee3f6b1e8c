import { StasisError } from '../../errors.ts'
import { readDescription } from '../../image/open-image.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { disksInCookie } from '../cookie/disk-cookie.ts'
import { liveInCookie } from '../cookie/live-cookie.ts'
import { changeOfDisks, uncheckableDisks, writableDisks } from '../store/disks/disk-identity.ts'
import { historyOf } from '../store/saves/image-history.ts'
import { readLastEnd } from '../store/last-end.ts'
import { hasSafetyCopy } from '../store/saves/managed-image.ts'

/** Whether a start continues from the safety copy of the domain; `reason` is a warning. */
export type CopyChoice = { readonly use: true } | { readonly use: false; readonly reason: string }

/**
 * Whether a domain that is off continues from its safety copy: only if its QEMU or the host crashed, and no disk has changed since. In any other case the
 * guest has ended by itself, or has gone on, and it boots. `undefined` if it has no copy.
 * @throws StorageError
 */
export async function considerCopy(held: HeldDomain): Promise<CopyChoice | undefined> {
  const { name, paths } = held
  const path = paths.safetyCopy
  if (!(await hasSafetyCopy(paths))) return undefined
  const not = (reason: string): CopyChoice => ({
    use: false,
    reason: `domain '${name}' boots from its disks, not from its safety copy ${path}: ${reason}. \`stasis managedsave-remove ${name}\` deletes the copy`,
  })
  const end = (await readLastEnd(paths))?.reason
  // Nobody has recorded an end where the host crashed.
  if (end !== undefined && end !== 'crashed') return not(`it has ended since (${end})`)
  try {
    const change = await changeSince(held, path)
    return change === undefined ? { use: true } : not(change)
  } catch (error) {
    // The copy stays, so nothing is lost by a boot.
    if (!(error instanceof StasisError)) throw error
    return not(error.message)
  }
}

/** Why the copy does not fit; `undefined` if it does. */
async function changeSince(
  { directories, name }: HeldDomain,
  path: string,
): Promise<string | undefined> {
  const description = await readDescription(path)
  const { xml, cookie } = description
  const { domain } = readDomain(parseDomainXml(xml), { tolerant: true })
  if (domain.name !== name) return `it holds domain '${domain.name}'`
  const history = await historyOf(directories, description)
  if (history?.restoredAt !== undefined) return `it was already restored, at ${history.restoredAt}`
  const known = history?.disks ?? disksInCookie(cookie)
  const [target] = await uncheckableDisks(domain)
  if (known === undefined || target !== undefined)
    return `Stasis cannot check whether its disk ${target ?? ''} has changed since`
  const change = await changeOfDisks(known, writableDisks(domain))
  const time = liveInCookie(cookie)?.time ?? ''
  return change && `the copy is of ${time}, and since then ${change.replace(/^its disk/, 'disk')}`
}
