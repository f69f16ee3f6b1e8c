import { crc32c } from '../io/crc32c.ts'
import { ImageError, UsageError, messageOf } from '../errors.ts'
import { DirectFile } from '../io/files/direct-file.ts'
import { lockFile } from '../io/files/locks/file-lock.ts'
import { type EditWrite, editWrites, finishingWrites } from './edit-writes.ts'
import { HEADER_LENGTH, type SaveImageHeader, serialiseHeader } from './header.ts'
import { openImageFile, readImageHead } from './opened-image.ts'
import type { MachineDescription } from './saved-machine.ts'

/** The parts of a description to change. */
export interface DescriptionChange {
  readonly xml?: string | undefined
  readonly wasRunning?: boolean | undefined
}

/**
 * Changes the description of an image in place, as libvirt does: its length and everything after it stay the same. A crash or a failure
 * leaves the old description or the new one (`edit-writes.ts`). `change` receives the present description. Returns a warning for an edit that is recorded in
 * the image, and that the next edit has to complete.
 * @throws UsageError when the XML does not fit, ImageError IMAGE_IN_USE while another process maps or changes the image, and others; StorageError
 */
export async function rewriteDescription(
  path: string,
  change: (description: MachineDescription) => Promise<DescriptionChange>,
): Promise<string | undefined> {
  await readImageHead(path)
  await using file = await DirectFile.open(path, 'update', { direct: false })
  if (!lockFile(file.fd, path)) {
    throw new ImageError(
      'IMAGE_IN_USE',
      `${path} is in use: a guest runs from it, or another process is changing it`,
      {
        path,
        hint: 'Wait until the other process has finished',
      },
    )
  }
  const image = await openImageFile(path, { direct: false })
  await image.file.close()
  const { header, description } = image
  const { xml = description.xml, wasRunning = description.wasRunning } = await change(description)
  const { area, cookieOffset, textLength } = buildArea(
    path,
    xml,
    description.cookie,
    header.dataLength,
  )
  if (image.edit !== undefined) await writeAll(file, finishingWrites(image.edit))
  const edited = { header: finalHeader({ ...header, wasRunning, cookieOffset }, area), area }
  const { record, finish, undo } = editWrites(edited, textLength, textEnd(description, header))
  try {
    await writeAll(file, record)
  } catch (error) {
    // Part of the record may be there, and a whole one counts.
    await writeAll(file, undo).catch(() => undefined)
    throw error
  }
  if (record.length === 0) {
    await writeAll(file, finish)
    return undefined
  }
  // The commit point: every reader of ours finds the new description from here on.
  return await writeAll(file, finish).then(
    () => undefined,
    (error: unknown) => unfinished(path, error),
  )
}

function unfinished(path: string, error: unknown): string {
  return `the change of ${path} is recorded in the image, and Stasis uses it, but other programs may still see the older description. The next change completes it: ${messageOf(error)}`
}

/** Each write is on the disk before the next begins. */
async function writeAll(file: DirectFile, writes: readonly EditWrite[]): Promise<void> {
  for (const { offset, bytes } of writes) {
    await file.write(bytes, offset)
    await file.sync()
  }
}

/** The end of the present text, NULs included. */
function textEnd({ xml, cookie }: MachineDescription, { cookieOffset }: SaveImageHeader): number {
  return cookie === undefined
    ? Buffer.byteLength(xml) + 1
    : cookieOffset + Buffer.byteLength(cookie) + 1
}

function buildArea(
  path: string,
  xml: string,
  cookie: string | undefined,
  length: number,
): { readonly area: Buffer; readonly cookieOffset: number; readonly textLength: number } {
  const text = Buffer.from(`${xml}\0`)
  const rest = Buffer.from(cookie === undefined ? '' : `${cookie}\0`)
  if (text.length + rest.length > length) {
    throw new UsageError(
      'BAD_ARGUMENT',
      `The new XML does not fit into ${path}: it has ${text.length} bytes, but there is room for ${length - rest.length}`,
      { path, hint: 'Convert the image with `stasis image-convert`, which makes room' },
    )
  }
  const area = Buffer.alloc(length)
  text.copy(area)
  rest.copy(area, text.length)
  return {
    area,
    cookieOffset: rest.length === 0 ? 0 : text.length,
    textLength: text.length + rest.length,
  }
}

function finalHeader(header: SaveImageHeader, area: Uint8Array): Uint8Array {
  const { extension } = header
  const bytes = serialiseHeader(
    extension === undefined
      ? header
      : { ...header, extension: { ...extension, areaCrc: crc32c(area) } },
  )
  return bytes.subarray(0, HEADER_LENGTH)
}
