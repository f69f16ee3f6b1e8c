import { readFile, readdir, rename, unlink } from 'node:fs/promises'
import { storageError } from '../../io/storage-error.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { isReachable } from '../../io/files/file-names.ts'
import { flushChange } from '../../io/files/partial-file.ts'
import { writeText } from '../../io/records/text-file.ts'
import { textOfRootChild, withTextOfRootChild } from '../../qemu/domain-xml/tags.ts'
import type { Directories } from './directories.ts'
import { checkDomainName } from './domain-name.ts'

const SUFFIX = '.xml'

/** The names of all defined domains, sorted. @throws StorageError */
export async function listDefinitions(directories: Directories): Promise<readonly string[]> {
  const directory = definitionsDirectory(directories)
  try {
    const files = await readdir(directory)
    return files
      .filter((file) => file.endsWith(SUFFIX))
      .map((file) => file.slice(0, -SUFFIX.length))
      .toSorted()
  } catch (error) {
    if (isMissing(error)) return []
    throw storageError('list the defined domains', directory, error)
  }
}

/** Whether a domain is defined. @throws StorageError */
export function isDefined(directories: Directories, name: string): Promise<boolean> {
  return isReachable(definitionPath(directories, name))
}

/**
 * The XML of a domain's definition; `undefined` when it has none. The name of the file is the name of the domain: a rename that was cut off leaves the
 * older name in the text.
 * @throws StorageError
 */
export async function readDefinition(
  directories: Directories,
  name: string,
): Promise<string | undefined> {
  const path = definitionPath(directories, name)
  try {
    const xml = await readFile(path, 'utf8')
    return textOfRootChild(xml, 'name') === name ? xml : withTextOfRootChild(xml, 'name', name)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw storageError('read the definition', path, error)
  }
}

/** Stores a definition durably and replaces an older one. @throws StorageError */
export async function writeDefinition(
  directories: Directories,
  name: string,
  xml: string,
): Promise<void> {
  await makeDirectory(definitionsDirectory(directories))
  await writeText(definitionPath(directories, name), xml, { durable: true })
}

/** Removes a definition durably. Returns a warning if a power cut may undo that. @throws StorageError when it is not removed */
export async function removeDefinition(
  directories: Directories,
  name: string,
): Promise<string | undefined> {
  const path = definitionPath(directories, name)
  try {
    await unlink(path)
  } catch (error) {
    throw storageError('remove the definition', path, error)
  }
  return flushChange(definitionsDirectory(directories), `domain '${name}' is undefined`)
}

/**
 * Gives a definition another name durably, in one step. The XML still has the older name. Returns a warning if a power cut may undo that.
 * @throws StorageError when it is not renamed
 */
export async function renameDefinition(
  directories: Directories,
  name: string,
  newName: string,
): Promise<string | undefined> {
  const path = definitionPath(directories, name)
  try {
    await rename(path, definitionPath(directories, newName))
  } catch (error) {
    throw storageError('rename the definition', path, error)
  }
  return flushChange(definitionsDirectory(directories), `domain '${name}' is now '${newName}'`)
}

function definitionsDirectory(directories: Directories): string {
  return `${directories.stateDir}/domains`
}

function definitionPath(directories: Directories, name: string): string {
  checkDomainName(name)
  return `${definitionsDirectory(directories)}/${name}${SUFFIX}`
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
