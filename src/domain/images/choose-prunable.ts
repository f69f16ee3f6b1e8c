import type { ListedImage } from './list-images.ts'

/** Which images to delete. Without any of these, none is. */
export interface PruneRule {
  /** Only images that were saved at least this long ago. */
  readonly olderThanMs?: number | undefined
  /** Keep this many of the newest images of each guest. */
  readonly keep?: number | undefined
  /** Only these, by path. A managed save is deleted only if it is among them. */
  readonly files?: readonly string[] | undefined
}

/** An image that the rule names, but that stays. */
export interface KeptImage {
  readonly path: string
  readonly reason: string
}

/** Chooses the images that a rule deletes. `kept` are those that were named and must stay. */
export function choosePrunable(
  images: readonly ListedImage[],
  rule: PruneRule,
  nowMs: number,
): { readonly chosen: readonly ListedImage[]; readonly kept: readonly KeptImage[] } {
  const { olderThanMs, keep, files } = rule
  if (olderThanMs === undefined && keep === undefined && files === undefined)
    return { chosen: [], kept: [] }
  const newest = keep === undefined ? new Set<ListedImage>() : newestOfEach(images, keep)
  const chosen: ListedImage[] = []
  const kept: KeptImage[] = []
  for (const image of images) {
    const isNamed = files?.includes(image.path) === true
    if (image.state === 'gone' || (files !== undefined && !isNamed)) continue
    const reason =
      obstacleTo(image, isNamed) ??
      (newest.has(image) ? `it is one of the newest ${keep} of its guest` : undefined) ??
      (isYoung(image, olderThanMs, nowMs) ? 'it is not old enough' : undefined)
    if (reason === undefined) chosen.push(image)
    else if (isNamed) kept.push({ path: image.path, reason })
  }
  return { chosen, kept }
}

/** Why an image must not be deleted, in words; `undefined` if it may be. */
export function obstacleTo(image: ListedImage, isNamed: boolean): string | undefined {
  const { uses, managed, state, id, fault } = image
  // An image that contains a saved guest is deleted only by name, as `managedsave-remove` does.
  const use = uses.find((one) => one.use !== 'managed save' || !isNamed)
  if (use !== undefined) return `domain '${use.domain}' needs it (${use.use})`
  if (managed && !isNamed) return 'it is a managed save'
  if (state === 'unreadable' || id === '')
    return `it cannot be read: ${fault?.message ?? 'its id is unknown'}`
  return undefined
}

function newestOfEach(images: readonly ListedImage[], keep: number): ReadonlySet<ListedImage> {
  const there = images.filter(({ state }) => state !== 'gone' && state !== 'unreadable')
  const guests = Map.groupBy(there, ({ uuid, domain }) => uuid ?? domain ?? '')
  return new Set(
    [...guests.values()].flatMap((all) =>
      all.toSorted((a, b) => timeOf(b) - timeOf(a)).slice(0, keep),
    ),
  )
}

function isYoung(image: ListedImage, olderThanMs: number | undefined, nowMs: number): boolean {
  return olderThanMs !== undefined && nowMs - timeOf(image) < olderThanMs
}

/** An image of unknown age is new. */
function timeOf({ savedAt }: ListedImage): number {
  return savedAt === undefined ? Infinity : new Date(savedAt).getTime()
}
