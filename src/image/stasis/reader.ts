import { crc32c } from '../../io/crc32c.ts'
import { throwIfCancelled } from '../../errors.ts'
import type { DirectFile } from '../../io/files/direct-file.ts'
import type { DeviceState } from '../../wire/device-state.ts'
import { imageDamaged, imageTruncated } from '../image-fault.ts'
import { type OpenedImage, openImageFile } from '../opened-image.ts'
import type { PageStore, SavedMachine } from '../saved-machine.ts'
import { openBase } from './base-image.ts'
import type { BaseReference } from './base-reference.ts'
import { FOOTER_LENGTH, parseFooter } from './footer.ts'
import { checkIndex } from './index-check.ts'
import { LayeredPageStore } from './layered-pages.ts'
import { type FilePart, type StasisIndex, damagedIndex, parseIndex } from './layout.ts'
import { StasisPageStore } from './page-store.ts'

/** More than 16 TiB of memory need; a longer one is a hole in a file that claims to be an index. */
const MAX_INDEX_LENGTH = 1024 * 1024 * 1024

/**
 * Reads a `stasis` container (docs/format/stasis.md): footer, then index. Checks every number in them before use.
 * @throws ImageError, StorageError
 */
export async function openStasis(image: OpenedImage): Promise<SavedMachine> {
  const { file, description } = image
  const index = await readIndex(image)
  await using opened = new AsyncDisposableStack()
  const { pages, bases } = await openPages(image, index, opened)
  const basesOpen = opened.move()
  return {
    path: file.path,
    format: 'stasis',
    description,
    pages,
    bases,
    deviceState: () => readDeviceState(file, index),
    async [Symbol.asyncDispose]() {
      await basesOpen.disposeAsync()
      await file.close()
    },
  }
}

/**
 * The base of an image; `undefined` if it has none, or has another format. Does not open the base.
 * @throws ImageError, StorageError
 */
export async function readBase(path: string): Promise<BaseReference | undefined> {
  const image = await openImageFile(path, { direct: false })
  await using _file = image.file
  return image.header.format === 'stasis' ? (await readIndex(image)).base : undefined
}

/** The pages of an image, with those of its bases. The files of these are closed with `opened`. */
async function openPages(
  image: OpenedImage,
  index: StasisIndex,
  opened: AsyncDisposableStack,
): Promise<{ readonly pages: PageStore; readonly bases: readonly string[] }> {
  const files = [{ file: image.file, index }]
  const bases: string[] = []
  let { base } = index
  for (let { path } = image.file; base !== undefined;) {
    const below = await openBase({ path, base, depth: bases.length }, image.options)
    opened.defer(() => below.file.close())
    bases.push(base.name)
    const next = await readIndex(below)
    files.push({ file: below.file, index: next })
    ;({ path } = below.file)
    ;({ base } = next)
  }
  const pages =
    bases.length === 0 ? new StasisPageStore(image.file, index) : new LayeredPageStore(files)
  return { pages, bases }
}

async function readIndex({
  file,
  fileLength,
  bodyOffset,
  options,
}: OpenedImage): Promise<StasisIndex> {
  const { path } = file
  const end = fileLength - FOOTER_LENGTH
  const footerPlace = { path, offset: end }
  const footerPart = { offset: Math.max(0, end), length: FOOTER_LENGTH }
  const footer = parseFooter(await readExactly(file, footerPart, 'footer'), footerPlace)
  const place = { path, offset: footer.indexOffset, bodyOffset }
  const { indexOffset, indexLength } = footer
  const fits = indexOffset >= bodyOffset && indexOffset + indexLength === end
  if (!fits || indexLength > MAX_INDEX_LENGTH) {
    const what = `its index cannot be at byte ${indexOffset}`
    throw imageDamaged(path, what, { offset: footerPlace.offset })
  }
  throwIfCancelled(`open ${path}`, options.signal)
  const part = { offset: footer.indexOffset, length: footer.indexLength }
  // Threads that load memory read it too.
  const bytes = new Uint8Array(new SharedArrayBuffer(part.length))
  await fill(file, bytes, part.offset, 'index')
  if (crc32c(bytes) !== footer.indexCrc) throw damagedIndex(place, 0, 'its checksum does not match')
  const index = parseIndex(bytes, place)
  checkIndex(index, place)
  return index
}

async function readDeviceState(file: DirectFile, index: StasisIndex): Promise<DeviceState> {
  const head = await readPart(file, index.head, 'stream head')
  const device = await readPart(file, index.device, 'device state')
  const { sectionsLength } = index.device
  return {
    head,
    ramSection: index.ramSection,
    sections: device.subarray(0, sectionsLength),
    tail: device.subarray(sectionsLength),
  }
}

async function readPart(file: DirectFile, part: FilePart, name: string): Promise<Uint8Array> {
  const bytes = await readExactly(file, part, name)
  if (crc32c(bytes) === part.crc) return bytes
  throw imageDamaged(file.path, `the ${name} does not match its checksum`, { offset: part.offset })
}

async function readExactly(
  file: DirectFile,
  part: Omit<FilePart, 'crc'>,
  name: string,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(part.length)
  await fill(file, bytes, part.offset, name)
  return bytes
}

async function fill(
  file: DirectFile,
  bytes: Uint8Array,
  offset: number,
  name: string,
): Promise<void> {
  const found = await file.read(bytes, offset)
  if (found === bytes.length) return
  throw imageTruncated(file.path, `its ${name} is not complete`, { offset: offset + found })
}
