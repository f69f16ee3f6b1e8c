import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** All files below a directory, with size, times of last change (also of owner, mode and links) and inode of each, to tell whether anything was written. */
export async function snapshotOf(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory, { recursive: true })
  const facts = await Promise.all(
    names.toSorted().map(async (name) => {
      const { mtimeMs, ctimeMs, size, ino } = await lstat(join(directory, name))
      return `${name} ${size} ${mtimeMs} ${ctimeMs} ${ino}`
    }),
  )
  return [String((await lstat(directory)).mtimeMs), ...facts]
}
