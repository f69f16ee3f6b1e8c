import { besideOf, temporaryPrefix } from '../../io/files/file-place.ts'

/** `FILE.1` … `FILE.N`; `channel` counts from 0 (docs/format/channels.md). */
export function channelPath(path: string, channel: number): string {
  return `${path}.${channel + 1}`
}

/**
 * The name of a channel file from its creation until just after its image is complete. It contains the image's id, so that a reader finds the file
 * when a crash came between the two.
 */
export function newChannelPath(path: string, channel: number, imageId: Uint8Array): string {
  const id = Buffer.from(imageId).toString('hex')
  return besideOf(path, `${channel + 1}.${id}.partial`)
}

/** Parses the name of a new channel file of `path`, whose `channel` counts from 0; `undefined` for any other name in its directory. */
export function parseNewChannelName(
  name: string,
  path: string,
): { readonly imageId: string; readonly channel: number } | undefined {
  const prefix = temporaryPrefix(path)
  if (!name.startsWith(prefix)) return undefined
  const [, number, imageId] =
    /^([1-9]\d{0,2})\.([0-9a-f]{32})\.partial$/.exec(name.slice(prefix.length)) ?? []
  return imageId === undefined ? undefined : { imageId, channel: Number(number) - 1 }
}
