import { statfs } from 'node:fs/promises'
import { StasisError } from '../../errors.ts'
import { allocatedBytes } from '../../io/memory/mapped-blocks.ts'
import { type Mapping, mappingsOf } from '../../io/memory/mappings.ts'
import { ownBytes } from '../../qemu/host-facts.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** The bytes that are free in a directory; `undefined` if that is not known. */
export async function freeSpace(directory: string): Promise<number | undefined> {
  const facts = await statfs(directory).catch(() => undefined)
  return facts === undefined ? undefined : facts.bavail * facts.bsize
}

/** The most that an image of a running guest takes: memory that nobody has filled is not in it. */
export async function mostSpace(pid: number, memoryBytes: number): Promise<number> {
  const own = await ownBytes(pid)
  const mappings = mappingsIfVisible(pid)
  if (own === undefined || mappings === undefined) return memoryBytes
  return Math.min(memoryBytes, own + memoryInFiles(pid, mappings))
}

/** Memory of a guest in files, such as that of a restored one: QEMU has not touched most of it, so it does not count as resident. */
function memoryInFiles(pid: number, mappings: readonly Mapping[]): number {
  const files = new Map<string, { mapped: number; allocated: number | undefined }>()
  for (const mapping of mappings) {
    const { file, isWritable, length } = mapping
    if (file === undefined || !isWritable) continue
    const key = `${file.inode} ${file.path}`
    const { mapped, allocated } = files.get(key) ?? {
      mapped: 0,
      allocated: allocatedBytes(pid, mapping),
    }
    files.set(key, { mapped: mapped + length, allocated })
  }
  let bytes = 0
  for (const { mapped, allocated = mapped } of files.values()) bytes += Math.min(mapped, allocated)
  return bytes
}

/** `undefined` of a process that has ended, or that we may not look into. */
function mappingsIfVisible(pid: number): readonly Mapping[] | undefined {
  try {
    return mappingsOf(pid)
  } catch {
    return undefined
  }
}

/** Adds to an error of a save about a full disk how much space there was, and how much is needed. */
export async function withSpace(
  error: StasisError,
  guest: {
    readonly freeBytes: number | undefined
    readonly pid: number
    readonly paths: RuntimePaths
  },
): Promise<StasisError> {
  const { freeBytes, pid, paths } = guest
  if (freeBytes === undefined || !StasisError.is(error, 'NO_SPACE')) return error
  const { memoryBytes } = await liveDomain(paths)
  const neededBytes = await mostSpace(pid, memoryBytes)
  const hint = `${mebibytes(freeBytes)} were free, and the image takes at most ${mebibytes(neededBytes)}`
  return error.with({ hint, space: { neededBytes, freeBytes } })
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`
}
