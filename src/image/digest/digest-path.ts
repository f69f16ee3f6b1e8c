import { besideOf, temporaryPrefix } from '../../io/files/file-place.ts'

/** The digest of the image at `place` (docs/format/digest.md). */
export function digestPath(place: string): string {
  return `${place}.digest`
}

/** The name of a digest from its creation until just after its image is complete. A reader also looks for it. */
export function newDigestPath(place: string, imageId: string): string {
  return besideOf(place, `digest.${imageId}.partial`)
}

/** The id of the image in the name of a new digest of `place`; `undefined` for any other name in its directory. */
export function parseNewDigestName(name: string, place: string): string | undefined {
  const prefix = temporaryPrefix(place)
  if (!name.startsWith(prefix)) return undefined
  return /^digest\.([0-9a-f]{32})\.partial$/.exec(name.slice(prefix.length))?.[1]
}
