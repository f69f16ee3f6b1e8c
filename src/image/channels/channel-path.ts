import { basename, dirname, join } from 'node:path'

/** `FILE.1` … `FILE.N`; `channel` counts from 0 (docs/format/channels.md). */
export function channelPath(path: string, channel: number): string {
  return `${path}.${channel + 1}`
}

/**
 * The name of a channel file from its first byte until just after its image became complete. It carries the image's id, so that
 * an image that was cut short between the two finds it there.
 */
export function newChannelPath(path: string, channel: number, imageId: Uint8Array): string {
  const id = Buffer.from(imageId).toString('hex')
  return join(dirname(path), `.${basename(path)}.${channel + 1}.${id}.partial`)
}

/** Takes the name of a new channel file of `path` apart; `undefined` for any other name in its directory. */
export function parseNewChannelName(
  name: string,
  path: string,
): { readonly imageId: string } | undefined {
  const prefix = `.${basename(path)}.`
  if (!name.startsWith(prefix)) return undefined
  const imageId = /^\d+\.([0-9a-f]{32})\.partial$/.exec(name.slice(prefix.length))?.[1]
  return imageId === undefined ? undefined : { imageId }
}
