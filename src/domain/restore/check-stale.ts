import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { ImageError } from '../../errors.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { disksInCookie } from '../cookie/disk-cookie.ts'
import { liveInCookie } from '../cookie/live-cookie.ts'
import {
  changeOfDisks,
  identifyDisks,
  uncheckableDisks,
  writableDisks,
} from '../store/disks/disk-identity.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import {
  type ImageConsumption,
  type ImageHistory,
  historyOf,
  imageId,
  readHistory,
  withPlace,
  writeHistory,
} from '../store/saves/image-history.ts'
import { refuseManagedImage } from '../store/saves/managed-image.ts'
import { checkManagedGuest } from '../store/saves/own-managed-image.ts'
import { type RestoredFrom, type RuntimeRecord, writeRecord } from '../store/runtime-record.ts'

/**
 * Checks that the guest may be resumed from an image: the image is the domain's managed save or the domain has none, and the disks have not changed
 * since the save, or since the first restore.
 * @throws DomainError DOMAIN_HAS_MANAGED_SAVE, ImageError IMAGE_STALE unless forced
 */
export async function checkStale(
  held: HeldDomain,
  image: Pick<SavedMachine, 'path' | 'description'>,
  domain: Domain,
  options: { readonly force?: boolean | undefined; readonly managedSave: HeldDomain | undefined },
): Promise<RestoredFrom> {
  const path = resolve(image.path)
  const managed = options.managedSave !== undefined
  if (managed) await checkManagedGuest(held.directories, held.paths, domain)
  if (!managed) await refuseManagedImage(held.name, held.paths, 'restored from a file', undefined)
  const id = imageId(image.description)
  const history = await historyOf(held.directories, image.description)
  const restoredFrom = { path, imageId: id, managed, begun: false }
  const disks = writableDisks(domain)
  // Now rather than when the guest begins: by then a clone has overlays of its own.
  const known = history?.disks ?? disksInCookie(image.description.cookie)
  if (known === undefined && history?.consumed === undefined)
    return { ...restoredFrom, disks: await identifyDisks(disks) }
  const toBegin =
    history?.disks === undefined && known !== undefined
      ? { ...restoredFrom, disks: known }
      : restoredFrom
  if (options.force === true) return toBegin
  if (history?.consumed !== undefined)
    await refuseConsumed(held, { path, managed }, domain, history.consumed)
  const change = await changeOfDisks(known ?? [], disks)
  const live = liveInCookie(image.description.cookie)
  const again =
    history?.restoredAt === undefined ? undefined : `was already restored, at ${history.restoredAt}`
  const before = again ?? (live && `is of a guest that continued after the save, at ${live.time}`)
  if (change === undefined) {
    // A guest that continued, or began before, may have written where nothing shows it.
    const mayHaveRun = live !== undefined || (managed && again !== undefined)
    if (mayHaveRun && before !== undefined)
      await refuseUncheckable(held, path, domain, { before, managed })
    return toBegin
  }
  const text = `${path} ${before === undefined ? '' : `${before}, and `}is older than its disks: ${change}`
  throw new ImageError('IMAGE_STALE', text, {
    path,
    hint: managed
      ? `Memory and disks would not match, and the guest would damage its file systems. Put the disks back as they were at the save. To discard the saved state instead: \`stasis start --force-boot ${held.name}\``
      : 'Memory and disks would not match, and the guest would damage its file systems. Put the disks back as they were at the save, then use --force',
  })
}

/**
 * A managed save is the guest once. In a shared directory nobody can know how far the guest came that was started from it on another host, and what it did besides writing
 * to its disks. On one host the disks tell, except those that cannot be checked.
 * @throws ImageError IMAGE_STALE
 */
async function refuseConsumed(
  { name, generation }: HeldDomain,
  { path, managed }: { readonly path: string; readonly managed: boolean },
  domain: Domain,
  { time, host, generation: then }: ImageConsumption,
): Promise<void> {
  // A managed save that is still there is checked below.
  if (generation === undefined && (managed || (await uncheckableDisks(domain)).length === 0)) return
  const number = then === undefined ? '' : `, as generation ${then} of its owners`
  throw new ImageError(
    'IMAGE_STALE',
    `${path} was used up: a guest was started from this managed save on host '${host}' at ${time}${number}`,
    {
      path,
      hint: `If that guest did not write to its disks, or they were put back as they were at the save: use --force. To discard the saved state instead: \`stasis start --force-boot ${name}\`, or \`--stale boot\` to keep the file`,
    },
  )
}

/**
 * A managed save is there for a second start only if QEMU died around the moment in which the guest began to run. The guest of a live save continued.
 * @throws ImageError IMAGE_STALE when that guest may have written to a disk without a trace
 */
async function refuseUncheckable(
  { name }: HeldDomain,
  path: string,
  domain: Domain,
  { before, managed }: { readonly before: string; readonly managed: boolean },
): Promise<void> {
  const [target] = await uncheckableDisks(domain)
  if (target === undefined) return
  throw new ImageError(
    'IMAGE_STALE',
    `${path} ${before}, and Stasis cannot check whether a guest has written to its disk ${target} since`,
    {
      path,
      hint: managed
        ? `If nothing was written to the disk, or it was put back as it was at the save: \`stasis start ${name} --force\`. To discard the saved state instead: \`stasis start --force-boot ${name}\``
        : 'If nothing was written to the disk, or it was put back as it was at the save, use --force',
    },
  )
}

/** A guest that is about to run. */
export interface BegunGuest {
  readonly record: RuntimeRecord
  /** Forgets that the guest may have run from its image. Only for a guest that QEMU has refused to run. @throws StorageError */
  readonly takeBack: () => Promise<void>
}

/**
 * Records durably, just before the processors of a restored guest run, that its image is no longer the guest.
 * @throws StorageError
 */
export async function beginGuest(
  held: HeldDomain,
  record: RuntimeRecord,
  domain: Domain,
): Promise<BegunGuest> {
  const { restoredFrom, interrupted } = record
  if (restoredFrom === undefined || restoredFrom.begun) {
    const resumed = { ...record, interrupted: undefined }
    if (interrupted === true) await writeRecord(held.paths, resumed)
    return { record: resumed, takeBack: () => Promise.resolve() }
  }
  const { imageId: id, path } = restoredFrom
  const before = await readHistory(held.directories, id)
  const disks = before?.disks ?? restoredFrom.disks ?? (await identifyDisks(writableDisks(domain)))
  const facts = { domain: held.name, uuid: record.uuid, path, ...before, disks }
  const history = withPlace(facts, path)
  const write = async (more: Partial<ImageHistory>): Promise<void> => {
    if (id !== '') await writeHistory(held.directories, id, { ...history, ...more })
  }
  const time = new Date().toISOString()
  const consumed = { time, host: hostname(), generation: held.generation }
  await write({ restoredAt: time, ...(restoredFrom.managed && { consumed }) })
  const begun = {
    ...record,
    interrupted: undefined,
    restoredFrom: { ...restoredFrom, begun: true },
  }
  await writeRecord(held.paths, begun)
  return { record: begun, takeBack: () => write({}) }
}
