import { realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ImageError, StasisError, StorageError, UsageError } from '../../../errors.ts'
import { DEFAULT_FORMAT, SAVE_FORMATS, isStreamFormat } from '../../../image/format-table.ts'
import type { SaveFormat } from '../../../image/save-format.ts'
import { readDescription } from '../../../image/open-image.ts'
import type { MachineDescription } from '../../../image/saved-machine.ts'
import { isDigest } from '../../../image/digest/new-digest.ts'
import { placeOf } from '../../../io/files/file-place.ts'
import { isInside } from '../../../io/files/is-inside.ts'
import { textOfRootChild } from '../../../qemu/domain-xml/tags.ts'
import type { Directories } from '../../store/directories.ts'
import { historyOf } from '../../store/saves/image-history.ts'
import { type CheckpointMemory, memoryOfCheckpoints } from './checkpoint-memory.ts'
import { deviceRelatives } from './device-relatives.ts'
import { type FileKind, type FileUse, keyOf, usesOfFile } from './guest-files.ts'

/** The origin of an image, and the files that it may replace. */
export interface DestinationOptions {
  /** The domain that is saved: it may replace an image with its own older state. */
  readonly domain?: string | undefined
  /** The UUID of the guest in the new image: it may replace another image of that guest. */
  readonly guest?: string | undefined
  /** The only path in the state directory that may be written: that of the domain's managed save. */
  readonly managedSave?: string | undefined
  /** The format of the image, and whether it has a digest: only single-stream formats without one may go into a pipe or a block device. Default: `stasis`. */
  readonly format?: SaveFormat | undefined
  readonly digest?: boolean | undefined
}

/**
 * Checks that an image may be written to `path`: there is no file, or an empty file or an image that no domain needs, or a pipe or block device that suits its
 * format; and the path does not belong to Stasis. Returns the real path of the file, with symbolic links resolved.
 * @throws UsageError BAD_ARGUMENT, StorageError
 */
export async function checkDestination(
  directories: Directories,
  path: string,
  options: DestinationOptions = {},
): Promise<string> {
  if (path === '') throw new UsageError('BAD_ARGUMENT', 'The file name is empty')
  // First of all, because a name such as /dev/stdout may not lead to a path.
  const named = await keyOf(path)
  if (named !== undefined && named.kind !== 'file') checkSpecial(path, named.kind, options)
  if (named?.kind === 'pipe') return resolve(path)
  const place = await placeOf(path)
  if (resolve(path) !== options.managedSave) await refuseOwnPlaces(directories, path, place)
  const there = await keyOf(place)
  if (there === undefined) return place
  if (await isDigest(place)) {
    throw new UsageError('BAD_ARGUMENT', `${path} is the digest of an image`, {
      path,
      hint: 'Save to another file',
    })
  }
  const others = there.kind === 'device' ? await deviceRelatives(place) : []
  for (const key of [there.key, ...others]) {
    for (const use of await usesOfFile(directories, key)) {
      if (use.use === 'state' && use.domain === options.domain) continue
      throw inUse(path, use)
    }
  }
  for (const memory of await memoryOfCheckpoints(directories))
    if ((await keyOf(memory.path))?.key === there.key) throw isCheckpoint(path, memory)
  if (there.kind === 'file') {
    const replaced = await imageAt(path, place)
    if (replaced !== undefined) await refuseOnlyTrace(directories, path, replaced, options)
  }
  return place
}

function isCheckpoint(path: string, { domain, checkpoint }: CheckpointMemory): UsageError {
  const what = `it is the memory of checkpoint '${checkpoint}' of domain '${domain}'`
  return new UsageError('BAD_ARGUMENT', `${path} cannot be replaced: ${what}`, {
    path,
    hint: 'Save to another file',
  })
}

/** The UUID of the guest in an image; `undefined` when its XML has none. */
export function guestUuid({ xml }: Pick<MachineDescription, 'xml'>): string | undefined {
  return textOfRootChild(xml, 'uuid')?.trim().toLowerCase()
}

/**
 * A guest that has never been resumed from its image here may be nowhere else.
 * @throws StorageError FILE_EXISTS
 */
async function refuseOnlyTrace(
  directories: Directories,
  path: string,
  description: MachineDescription,
  { guest }: DestinationOptions,
): Promise<void> {
  const uuid = guestUuid(description)
  if (uuid === undefined || guest === undefined || guest === uuid) return
  if ((await historyOf(directories, description))?.restoredAt !== undefined) return
  const name = textOfRootChild(description.xml, 'name')?.trim() ?? uuid
  throw new StorageError(
    'FILE_EXISTS',
    `${path} holds the saved guest '${name}', which has not been resumed from it here`,
    {
      path,
      hint: 'Save to another file. If nobody needs that guest, delete the file first',
    },
  )
}

/**
 * The description of the image that would be replaced; `undefined` when the file is empty, or an image that is damaged or incomplete.
 * @throws StorageError FILE_EXISTS if there is a file with a content that is not an image
 */
async function imageAt(path: string, place: string): Promise<MachineDescription | undefined> {
  if ((await stat(place)).size === 0) return undefined
  try {
    return await readDescription(place)
  } catch (error) {
    // A damaged image is one.
    if (error instanceof ImageError && error.code !== 'NOT_AN_IMAGE') return undefined
    if (!StasisError.is(error, 'NOT_AN_IMAGE')) throw error
    throw new StorageError('FILE_EXISTS', `${path} exists and is not a save image`, {
      path,
      hint: 'Save to another file: only a save image is replaced',
    })
  }
}

/** @throws UsageError when an image of this format cannot be written there */
function checkSpecial(
  path: string,
  kind: Exclude<FileKind, 'file'>,
  { format = DEFAULT_FORMAT, digest }: DestinationOptions,
): void {
  if (kind === 'other') {
    throw new UsageError(
      'BAD_ARGUMENT',
      `${path} is not a regular file, a pipe or a block device: an image cannot replace it`,
      { path, hint: 'Save to a regular file' },
    )
  }
  const name = kind === 'pipe' ? 'a pipe' : 'a block device'
  if (!isStreamFormat(format)) {
    const formats = SAVE_FORMATS.filter(isStreamFormat).join(', ')
    throw new UsageError(
      'BAD_COMBINATION',
      `${path} is ${name}: an image in the format ${format} cannot be written to it`,
      { path, hint: `Use one of the formats ${formats}, or save to a regular file` },
    )
  }
  if (digest !== true) return
  throw new UsageError(
    'BAD_COMBINATION',
    `${path} is ${name}, which cannot have a digest beside it`,
    {
      path,
      hint: 'Omit the digest, or save to a regular file',
    },
  )
}

function inUse(path: string, { domain, use }: FileUse): UsageError {
  const reason = {
    open: `the QEMU of domain '${domain}' has it open`,
    named: `it belongs to domain '${domain}'`,
    state: `it holds the last state of domain '${domain}'`,
  }[use]
  return new UsageError('BAD_ARGUMENT', `${path} cannot be replaced: ${reason}`, {
    path,
    hint: 'Save to another file',
  })
}

async function refuseOwnPlaces(
  { stateDir, runtimeDir }: Directories,
  path: string,
  place: string,
): Promise<void> {
  const holder = await real(dirname(place))
  // Managed saves may be in another place.
  for (const directory of [stateDir, runtimeDir, join(stateDir, 'save')]) {
    if (!isInside(holder, await real(directory))) continue
    throw new UsageError(
      'BAD_ARGUMENT',
      `${path} cannot be written: Stasis keeps its own files in ${directory}`,
      {
        path,
        hint: 'Use a file outside that directory. `stasis managedsave` keeps a save inside it',
      },
    )
  }
}

async function real(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path))
}
