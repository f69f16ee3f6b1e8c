import { relative } from 'node:path'

/** Whether an absolute path is that directory, or is inside it. Symbolic links are not followed. */
export function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path)
  return way === '' || (!way.startsWith('..') && !way.startsWith('/'))
}
