import { boundedStream } from '../../image/bounded-stream.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { attribute, child, children, sizeInBytes } from '../../qemu/domain-xml/access.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'

/** A guest that ran while it was saved sends a page again each time it writes to it. */
const TIMES = 4

/** Room for firmware and video memory, and for device state, which has the same limit in the other formats. */
const ROOM = 2 ** 30

/**
 * The same image. If its machine is a single stream, reading that fails once it is longer than the machine in the domain XML could have made it.
 */
export function boundedImage(image: SavedMachine): SavedMachine {
  const { path, description, stream } = image
  if (stream === undefined) return image
  const dispose = (): PromiseLike<void> => image[Symbol.asyncDispose]()
  const bounded = boundedStream(path, stream, () => longestStream(description.xml))
  return { ...image, stream: bounded, [Symbol.asyncDispose]: dispose }
}

/** The most bytes that the stream of a machine takes. @throws DomainXmlError */
export function longestStream(xml: string): number {
  const { root } = parseDomainXml(xml)
  const memory = [child(root, 'memory'), child(root, 'maxMemory')]
  const sizes = memory.map((element) => (element === undefined ? 0 : sizeInBytes(element)))
  const videos = children(child(root, 'devices') ?? root, 'video').map((video) =>
    child(video, 'model'),
  )
  const videoKib = videos.flatMap((model) =>
    ['ram', 'vram', 'vram64'].map((name) => Number(attribute(model, name) ?? 0) || 0),
  )
  return TIMES * Math.max(...sizes) + videoKib.reduce((sum, kib) => sum + kib * 1024, ROOM)
}
