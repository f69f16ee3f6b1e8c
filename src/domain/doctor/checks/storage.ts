import { dirname } from 'node:path'
import { StasisError } from '../../../errors.ts'
import { isReachable } from '../../../io/files/file-names.ts'
import { type FileSystemTraits, fileSystemTraits } from '../../../io/files/file-system-traits.ts'
import { listEntries } from '../../catalogue/catalogue.ts'
import { liveDomain } from '../../catalogue/live-domain.ts'
import type { Directories } from '../../store/directories.ts'
import { managedDirectory, requireSaves } from '../../store/saves/save-directory.ts'
import { type Diagnosis, type HealthCheck, right } from '../health-check.ts'

/** Whether the directories of images have enough space, and whether their file systems support everything that makes saves and restores fast. */
export const STORAGE: HealthCheck = {
  name: 'storage',
  async look({ directories, saveDir }) {
    const neededBytes = await memoryOfGuests(directories)
    const missing = await errorOf(() => requireSaves(directories))
    const places = [
      ...(missing === undefined ? [managedDirectory(directories)] : []),
      ...(saveDir === undefined ? [] : [saveDir]),
    ]
    const found: Diagnosis[] = missing === undefined ? [] : [savesMissing(missing)]
    for (const place of places) {
      const traits = await fileSystemTraits(await nearestDirectory(place))
      found.push(...diagnose(place, traits, neededBytes))
    }
    return found
  },
}

function savesMissing(cause: StasisError): Diagnosis {
  return { verdict: 'error', text: cause.message, remedy: cause.hint, cause }
}

async function errorOf(act: () => Promise<void>): Promise<StasisError | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    if (error instanceof StasisError) return error
    throw error
  }
}

/** The findings about a place for images. */
function diagnose(
  place: string,
  traits: FileSystemTraits,
  neededBytes: number,
): readonly Diagnosis[] {
  return [
    spaceOf(place, traits, neededBytes),
    ...(traits.inMemory ? [inMemory(place)] : []),
    directIo(place, traits),
    reflinks(place, traits),
  ]
}

function spaceOf(place: string, { freeBytes }: FileSystemTraits, neededBytes: number): Diagnosis {
  const facts = `${inGib(freeBytes)} free in ${place}, and the guests that run have ${inGib(neededBytes)} of memory`
  if (freeBytes >= neededBytes) return right(facts)
  return {
    verdict: 'warning',
    text: `${facts}: their images may not fit, unless they are mostly zeros or compress well`,
    remedy:
      'Free some space, or save to another directory. `stasis images --prune` deletes old images',
  }
}

function inMemory(place: string): Diagnosis {
  return {
    verdict: 'warning',
    text: `${place} is in memory: images there are gone after the host boots again`,
    remedy:
      'Put the state directory on a disk (STASIS_STATE_DIR), and save to a directory on a disk',
  }
}

function directIo(place: string, traits: FileSystemTraits): Diagnosis {
  if (traits.directIo === undefined)
    return right(`whether ${place} takes direct I/O could not be tried`)
  if (traits.directIo) return right(`${place} takes direct I/O`)
  return right(`${place} takes no direct I/O: images there go through the page cache`)
}

function reflinks(place: string, traits: FileSystemTraits): Diagnosis {
  if (traits.reflinks === undefined)
    return right(`whether ${place} has reflinks could not be tried`)
  if (traits.reflinks)
    return right(
      `${place} has reflinks: a mapped guest keeps its image, whatever happens to the file`,
    )
  return right(
    `${place} has no reflinks: while a guest is mapped (\`restore --mode map\`), its image must not change`,
  )
}

/** The memory of the guests that run. One whose XML cannot be read does not count. @throws StorageError */
async function memoryOfGuests(directories: Directories): Promise<number> {
  let total = 0
  for (const { record, paths } of await listEntries(directories)) {
    if (record === undefined) continue
    total += (await liveDomain(paths).catch(() => undefined))?.memoryBytes ?? 0
  }
  return total
}

/** The directory, or the one in which it would be made. */
async function nearestDirectory(path: string): Promise<string> {
  return path === '/' || (await isReachable(path)) ? path : nearestDirectory(dirname(path))
}

function inGib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
