import { ImageError } from '../../../errors.ts'
import { readDescription } from '../../../image/open-image.ts'
import { textOfRootChild } from '../../../qemu/domain-xml/tags.ts'
import { readDefinition } from '../definitions.ts'
import type { Directories } from '../directories.ts'
import type { RuntimePaths } from '../runtime-paths.ts'

/** The guest in an image. */
export interface ImageGuest {
  readonly name: string
  readonly uuid: string | undefined
}

/**
 * A managed save is found by its path, so this checks that it belongs to its domain before it is resumed or removed.
 * @throws ImageError IMAGE_INCOMPATIBLE when it holds another guest; StorageError
 */
export async function checkManagedGuest(
  directories: Directories,
  { name, managedSave: path }: RuntimePaths,
  guest: ImageGuest,
): Promise<void> {
  const definition = await readDefinition(directories, name)
  const uuid = definition === undefined ? undefined : uuidIn(definition)
  if (guest.name === name && (uuid === undefined || uuid === guest.uuid)) return
  throw new ImageError(
    'IMAGE_INCOMPATIBLE',
    `${path} is not a managed save of domain '${name}': it holds domain '${guest.name}' (${guest.uuid})`,
    {
      path,
      hint: `Move the file away and use \`stasis restore\` with it; domain '${name}' then starts without it`,
    },
  )
}

/** `checkManagedGuest` before the image is removed. One that cannot be read holds nothing. @throws as `checkManagedGuest` */
export async function checkRemovable(directories: Directories, paths: RuntimePaths): Promise<void> {
  const description = await readDescription(paths.managedSave).catch(() => undefined)
  const name = description && textOfRootChild(description.xml, 'name')?.trim()
  if (description === undefined || name === undefined) return
  await checkManagedGuest(directories, paths, { name, uuid: uuidIn(description.xml) })
}

function uuidIn(xml: string): string | undefined {
  return textOfRootChild(xml, 'uuid')?.trim().toLowerCase()
}
