import { StorageError } from '../../../errors.ts'
import { hostMemory } from '../../../qemu/host-facts.ts'
import { freeSpace, mostSpace } from '../../save/save-space.ts'
import type { LiveCapture } from './live-way.ts'

/** What must stay free of the host's memory: a quarter of what the pages take. */
const MEMORY_FACTOR = 1.25

/**
 * Where `precopy` keeps the newest version of each page: the directory of the image if its disk has room for them beside the image, or else `undefined`, for
 * memory.
 * @throws StorageError NO_SPACE when there is room for them nowhere
 */
export async function placeForNewest({
  record,
  memoryBytes,
  space,
}: LiveCapture): Promise<string | undefined> {
  const needed = await mostSpace(record.pid, memoryBytes)
  const directory = space.spool?.directory
  const free = directory === undefined ? undefined : await freeSpace(directory)
  if (directory !== undefined && (free === undefined || free >= 2 * needed)) return directory
  const { availableBytes } = await hostMemory()
  if (availableBytes >= needed * MEMORY_FACTOR) return undefined
  if (directory !== undefined && free !== undefined && free >= needed) return directory
  const mib = Math.ceil(needed / 2 ** 20)
  throw new StorageError(
    'NO_SPACE',
    `A live save by precopy keeps the memory of the guest a second time until the image is written: up to ${mib} MiB, on the disk of the image or in memory`,
    {
      operation: 'keep the memory of the guest',
      path: directory,
      hint: 'Free space beside the image, or save the guest without --live',
    },
  )
}
