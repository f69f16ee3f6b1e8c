import { statfs } from 'node:fs/promises'
import { StasisError } from '../../errors.ts'
import { residentBytes } from '../../qemu/host-facts.ts'
import { liveDomain } from '../catalogue/live-domain.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** The bytes that are free in a directory; `undefined` if that is not known. */
export async function freeSpace(directory: string): Promise<number | undefined> {
  const facts = await statfs(directory).catch(() => undefined)
  return facts === undefined ? undefined : facts.bavail * facts.bsize
}

/** The most that an image of a running guest takes: memory that was never touched is not in it. */
export async function mostSpace(pid: number, memoryBytes: number): Promise<number> {
  return Math.min(memoryBytes, (await residentBytes(pid)) ?? memoryBytes)
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
