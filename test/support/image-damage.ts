import assert from 'node:assert/strict'
import { open, readFile } from 'node:fs/promises'
import { openImage } from '../../src/image/open-image.ts'
import { FOOTER_LENGTH, parseFooter } from '../../src/image/stasis/footer.ts'
import { parseIndex } from '../../src/image/stasis/layout.ts'

/** The offsets of the parts of a `stasis` image in its file. */
export interface ImageParts {
  readonly index: number
  readonly device: number
  /** One for each frame, with the name of its block. */
  readonly frames: readonly { readonly offset: number; readonly block: string | undefined }[]
}

/** Finds the offsets. */
export async function findParts(path: string): Promise<ImageParts> {
  const bytes = await readFile(path)
  const at = bytes.length - FOOTER_LENGTH
  const { indexOffset, indexLength } = parseFooter(bytes.subarray(at), { path, offset: at })
  const place = { path, offset: indexOffset }
  const index = parseIndex(bytes.subarray(indexOffset, indexOffset + indexLength), place)
  const frames = Array.from({ length: index.frames.count }, (_, frame) => ({
    offset: index.frames.offset(frame),
    block: index.blocks[index.frames.block(frame)]?.name,
  }))
  return { index: indexOffset, device: index.device.offset, frames }
}

/** The frame with most of the content that `fill` of the Linux guest wrote. Only the guest's `sum` needs that content. */
export async function findFilledFrame(path: string): Promise<number> {
  await using image = await openImage(path, { direct: false })
  const { pages } = image
  let found = { frame: -1, lines: 0 }
  for (let frame = 0; frame < (pages?.frameCount ?? 0); frame += 1) {
    const bytes = Buffer.from((await pages?.read(frame, 0)) ?? [])
    let lines = 0
    for (let at = bytes.indexOf(LINE); at >= 0; at = bytes.indexOf(LINE, at + LINE_LENGTH))
      lines += 1
    if (lines > found.lines) found = { frame, lines }
  }
  assert.notEqual(found.frame, -1, 'no frame has anything of it')
  return found.frame
}

/** See computeFillSum. */
const LINE = 'web-01 stasis: request'
const LINE_LENGTH = 64

/** Changes some bytes of a file. */
export async function damage(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+')
  const bytes = Buffer.alloc(16)
  await file.read(bytes, 0, bytes.length, offset)
  await file.write(
    bytes.map((byte) => byte ^ 0x55),
    0,
    bytes.length,
    offset,
  )
}
