import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StasisError, throwIfCancelled } from '../../errors.ts'
import { imageSize } from '../../image/image-size.ts'
import { readDescription } from '../../image/open-image.ts'
import { readImageHead } from '../../image/opened-image.ts'
import type { SaveFormat } from '../../image/save-format.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import { namesIn } from '../../io/files/directory.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { textOfRootChild } from '../../qemu/domain-xml/tags.ts'
import { type ImageUse, type NeededImages, neededImages } from '../catalogue/files/needed-images.ts'
import { disksInCookie } from '../cookie/disk-cookie.ts'
import { readProvenance } from '../cookie/provenance.ts'
import { severalAtOnce } from '../progress/several-at-once.ts'
import { checkOptions } from '../store/check-options.ts'
import { type Directories, openDirectories } from '../store/directories.ts'
import { changeOfDisks, writableDisks } from '../store/disks/disk-identity.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import {
  type ImageHistory,
  historyOf,
  imageId,
  listHistories,
  placesOf,
} from '../store/saves/image-history.ts'
import { managedDirectory } from '../store/saves/save-directory.ts'

/** Which images to list. */
export interface ListImagesOptions extends DomainOptions {
  /** Only images of this guest: a name or UUID. It need not exist any more. */
  readonly domain?: string | undefined
}

/**
 * The usability of an image.
 * - `restorable`: it is complete, and its disks are as the save left them.
 * - `stale`: its disks have changed since.
 * - `in use`: a guest runs and reads its memory from it, or a process writes or restores it.
 * - `gone`: the file is missing, or another image is at its path.
 * - `unreadable`: it is damaged or incomplete, or this user may not read it.
 */
export type ImageState = 'restorable' | 'stale' | 'in use' | 'gone' | 'unreadable'

/** An image that was written or restored here. */
export interface ListedImage {
  /** Identifies the saved state. Copies and conversions have the same id. Empty if the image has no record and cannot be read. */
  readonly id: string
  /** Empty if the record is unreadable. */
  readonly path: string
  /** The guest, if that is known. */
  readonly domain: string | undefined
  readonly uuid: string | undefined
  /** When the guest was saved, ISO 8601. */
  readonly savedAt: string | undefined
  /** When a guest was last resumed from it, ISO 8601. */
  readonly restoredAt: string | undefined
  readonly format: SaveFormat | undefined
  /** Apparent length and disk blocks of all its files; `undefined` if it is gone or unreadable. */
  readonly fileBytes: number | undefined
  readonly allocatedBytes: number | undefined
  /** Whether it is a managed save. */
  readonly managed: boolean
  readonly state: ImageState
  /** Why it is in this state, in words. */
  readonly reason: string | undefined
  /** Who needs it. */
  readonly uses: readonly ImageUse[]
  /** Why it, or its record, cannot be read. */
  readonly fault?: StasisError | undefined
}

/** The images, and the faults that make the list incomplete. */
export interface ImageList {
  /** By guest, the newest first. */
  readonly images: readonly ListedImage[]
  /** Why some domains could not be read. Unless this is empty, an image may be needed although its `uses` does not say so. */
  readonly faults: readonly StasisError[]
}

const AT_ONCE = 4

/**
 * Lists every image that was written or restored here, and every managed save. Reads of each only its description and a sample of its disks, and writes nothing; `checkImage` examines more.
 * @throws StorageError, UsageError; CancelledError
 * @example
 * const { images } = await listImages()
 * for (const { path, state, reason } of images) console.log(path, state, reason)
 */
export async function listImages(options: ListImagesOptions = {}): Promise<ImageList> {
  checkOptions(options)
  const directories = await openDirectories(options)
  const needed = await neededImages(directories)
  const records = await listHistories(directories)
  const known = records.flatMap((record) =>
    'history' in record
      ? placesOf(record.history).map((path) => ({
          key: record.key,
          path,
          history: record.history,
        }))
      : [],
  )
  const paths = new Set([...known.map(({ path }) => path), ...(await managedSaves(directories))])
  const files = new Map<string, ListedImage>()
  await severalAtOnce([...paths], AT_ONCE, async (path) => {
    if (options.signal?.aborted !== true) files.set(path, await lookAt(directories, path, needed))
  })
  throwIfCancelled('list the images', options.signal)
  const present = [...files.values()].filter(({ state }) => state !== 'gone')
  const gone = known.flatMap(({ key, path, history }) => {
    const file = files.get(path)
    const isThere = file === undefined || file.id === key || file.state === 'unreadable'
    const isElsewhere = placesOf(history).some((place) => files.get(place)?.id === key)
    return isThere || isElsewhere ? [] : [goneImage(key, path, history, file)]
  })
  const broken = records.flatMap((record) => ('fault' in record ? [brokenRecord(record)] : []))
  const images = [...present, ...gone, ...broken]
    .filter((image) => isAsked(image, options.domain))
    .toSorted(byGuestAndTime)
  return { images, faults: needed.faults }
}

/** The managed saves and safety copies in the state directory, also those without a record. @throws StorageError */
async function managedSaves(directories: Directories): Promise<readonly string[]> {
  const directory = managedDirectory(directories)
  const names = await namesIn(directory, 'list the managed saves')
  return names
    .filter((name) => /\.(?:save|copy)$/.test(name) && !name.startsWith('.'))
    .map((name) => join(directory, name))
}

/** The image at a path. @throws StorageError when it is unknown whether it is needed */
export async function lookAt(
  directories: Directories,
  path: string,
  needed: NeededImages,
): Promise<ListedImage> {
  const uses = await needed.usesOf(path)
  const managed = dirname(path) === managedDirectory(directories)
  const facts = { ...NOTHING_KNOWN, path, managed, uses }
  try {
    const description = await readDescription(path)
    const history = await historyOf(directories, description)
    const { xml, cookie } = description
    const provenance = cookie === undefined ? undefined : readProvenance(cookie)
    const { header, fileLength } = await readImageHead(path)
    const channels = header.extension?.channels ?? 0
    return {
      ...facts,
      id: imageId(description),
      domain: textOfRootChild(xml, 'name')?.trim(),
      uuid: textOfRootChild(xml, 'uuid')?.trim(),
      savedAt: timeOf(provenance?.time) ?? history?.savedAt ?? (await modifiedAt(path)),
      restoredAt: history?.restoredAt,
      format: header.format,
      ...(await imageSize(path, header.format, channels, fileLength)),
      ...(await stateOf(description, history, uses)),
    }
  } catch (error) {
    if (!(error instanceof StasisError)) throw error
    if (error.code === 'FILE_NOT_FOUND')
      return { ...facts, state: 'gone', reason: 'the file is not there' }
    const domain = uses[0]?.domain
    return { ...facts, domain, state: 'unreadable', reason: error.message, fault: error }
  }
}

const NOTHING_KNOWN = {
  id: '',
  domain: undefined,
  uuid: undefined,
  savedAt: undefined,
  restoredAt: undefined,
  format: undefined,
  fileBytes: undefined,
  allocatedBytes: undefined,
} as const

async function stateOf(
  { xml, cookie }: MachineDescription,
  history: ImageHistory | undefined,
  uses: readonly ImageUse[],
): Promise<Pick<ListedImage, 'state' | 'reason'>> {
  const active = uses.find(({ use }) => !KEPT.has(use))
  if (active !== undefined) return { state: 'in use', reason: WHY[active.use](active.domain) }
  const disks = history?.disks ?? disksInCookie(cookie)
  const { domain } = readDomain(parseDomainXml(xml), { tolerant: true })
  const change = disks && (await changeOfDisks(disks, writableDisks(domain)))
  if (change !== undefined) return { state: 'stale', reason: change }
  const [holder] = uses
  return { state: 'restorable', reason: holder && WHY[holder.use](holder.domain) }
}

/** The uses of an image that nothing has open. */
const KEPT: ReadonlySet<ImageUse['use']> = new Set([
  'state',
  'managed save',
  'safety copy',
  'checkpoint',
])

const WHY: Readonly<Record<ImageUse['use'], (domain: string) => string>> = {
  memory: (domain) => `'${domain}' reads its memory from it`,
  saving: (domain) => `'${domain}' is being saved`,
  restoring: (domain) => `'${domain}' is being restored`,
  state: (domain) => `'${domain}' is in it`,
  'managed save': (domain) => `'${domain}' is in it`,
  checkpoint: (domain) => `it is the memory of a checkpoint of '${domain}'`,
  'safety copy': (domain) => `Stasis keeps it as the safety copy of '${domain}'`,
}

function goneImage(
  key: string,
  path: string,
  { domain, uuid, savedAt, restoredAt }: ImageHistory,
  file: ListedImage | undefined,
): ListedImage {
  const replaced = file !== undefined && file.state !== 'gone'
  return {
    ...NOTHING_KNOWN,
    id: key,
    path,
    domain,
    uuid,
    savedAt,
    restoredAt,
    managed: file?.managed === true,
    state: 'gone',
    reason: replaced ? 'another image is there now' : 'the file is not there',
    uses: replaced ? [] : (file?.uses ?? []),
  }
}

function brokenRecord({
  key,
  path,
  fault,
}: {
  readonly key: string
  readonly path: string
  readonly fault: StasisError
}): ListedImage {
  const facts = { ...NOTHING_KNOWN, id: key, path: '', managed: false, uses: [] }
  return { ...facts, state: 'unreadable', reason: `its record ${path} is unreadable`, fault }
}

async function modifiedAt(path: string): Promise<string | undefined> {
  const facts = await stat(path).catch(() => undefined)
  return facts?.mtime.toISOString()
}

/** An image may contain any text. */
function timeOf(text: string | undefined): string | undefined {
  const date = new Date(text ?? '')
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

function isAsked({ domain, uuid }: ListedImage, asked: string | undefined): boolean {
  return asked === undefined || domain === asked || uuid?.toLowerCase() === asked.toLowerCase()
}

function byGuestAndTime(a: ListedImage, b: ListedImage): number {
  return (
    order(a.domain ?? '~', b.domain ?? '~') ||
    order(b.savedAt ?? '', a.savedAt ?? '') ||
    order(a.path, b.path)
  )
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
